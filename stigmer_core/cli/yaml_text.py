"""YAML that can be applied again: block style, keys in their order, long texts as literal blocks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from stigmer_core.program import Json

try:
    from yaml import CSafeDumper as SafeDumper
except ImportError:  # pragma: no cover - a PyYAML without libyaml
    from yaml import SafeDumper  # type: ignore[assignment]


class _Dumper(SafeDumper):
    """Quotes what any YAML, 1.1 or 1.2, would read as something else than text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - equal values are written out
        return True


def _text(dumper: Any, text: str) -> Any:
    literal = "\n" in text and not re.search(r"[ \t]\n|[^\n\t -~\x85\xa0-\ud7ff\ue000-\ufffd]", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if literal else None)


_Dumper.add_representer(str, _text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^0o[0-7]+$"), ["0"])
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$"), list("-+.0123456789")
)


def yaml_text(data: Json) -> str:
    """Return an object as YAML; a list of resources as one document each, so that it can be applied."""
    if isinstance(data, dict) and isinstance(data.get("items"), list) and str(data.get("kind", "")).endswith("List"):
        return "---\n".join(_document(item) for item in data["items"])
    return _document(data)


def _document(data: Json) -> str:
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=10**6
    )
    return text
