"""How the values of OpenAPI parameters are written: their styles.

Source: OpenAPI 3.1, "Style Values"; OpenAPI 2.0, "collectionFormat".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from stigmer_plugin_workflow_runner.activities.authentication import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stigmer_core.program import Json

Escape: TypeAlias = "Callable[[Json], str]"
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
_SEPARATORS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}
_COLLECTIONS = {"csv": ",", "ssv": "%20", "tsv": "%09", "pipes": "%7C"}
_RESERVED = ":/?@!$'()*,;"  # without those that part one value from the next


def written(parameter: Mapping[str, Any], value: Json) -> Sequence[tuple[str, str]]:
    """Return the pairs of name and text that stand for a value, escaped for where they go.

    In a path there is one pair, and its text has all that its style puts around the value.
    """
    name, where = str(parameter["name"]), str(parameter["in"])
    name = quote(name, safe="") if where == "query" else name
    safe = _RESERVED if parameter.get("allowReserved") else ""

    def escaped(item: Json) -> str:
        return text_of(item) if where == "header" else quote(text_of(item), safe=safe)

    if isinstance(parameter.get("content"), dict):
        return [(name, escaped(json.dumps(value)))]
    if "collectionFormat" in parameter or ("type" in parameter and isinstance(value, list)):
        return _swagger(name, value, str(parameter.get("collectionFormat", "csv")), escaped)
    style = str(parameter.get("style") or _STYLES.get(where, "form"))
    explode = bool(parameter.get("explode", style in ("form", "deepObject")))
    if style == "deepObject" and isinstance(value, dict):
        return [(f"{name}%5B{quote(str(key), safe='')}%5D", escaped(item)) for key, item in value.items()]
    if where in ("query", "cookie"):
        return _form(name, value, _SEPARATORS.get(style, ","), escaped, explode=explode)
    return [(name, _placed(name, value, style, escaped, explode=explode))]


def _swagger(name: str, value: Json, collection: str, escaped: Escape) -> Sequence[tuple[str, str]]:
    items = value if isinstance(value, list) else [value]
    if collection == "multi":
        return [(name, escaped(item)) for item in items]
    return [(name, _COLLECTIONS.get(collection, ",").join(map(escaped, items)))]


def _form(name: str, value: Json, separator: str, escaped: Escape, *, explode: bool) -> Sequence[tuple[str, str]]:
    if isinstance(value, list):
        if explode:
            return [(name, escaped(item)) for item in value]
        return [(name, separator.join(map(escaped, value)))]
    if isinstance(value, dict):
        pairs = [(escaped(key), escaped(item)) for key, item in value.items()]
        return pairs if explode else [(name, separator.join(part for pair in pairs for part in pair))]
    return [(name, escaped(value))]


def _placed(name: str, value: Json, style: str, escaped: Escape, *, explode: bool) -> str:
    """Return a value as it stands in a path or a header: `simple`, `label` or `matrix`."""
    start, between = {"label": (".", "."), "matrix": (";", ";")}.get(style, ("", ","))
    joint = between if explode else ","
    if isinstance(value, dict):
        pairs = [(escaped(key), escaped(item)) for key, item in value.items()]
        parts = [f"{key}={item}" for key, item in pairs] if explode else [part for pair in pairs for part in pair]
    else:
        parts = [escaped(item) for item in (value if isinstance(value, list) else [value])]
        if style == "matrix" and explode:
            return "".join(f";{name}={part}" for part in parts)
    prefix = f"{name}=" if style == "matrix" and not (isinstance(value, dict) and explode) else ""
    return f"{start}{prefix}{joint.join(parts)}"
