"""`@base64` and the others: how a value is written into a text."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stigmer_plugin_workflow_runner.expressions.failure import JqError
from stigmer_plugin_workflow_runner.expressions.values import Json, is_number, shown, to_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

_HTML = str.maketrans({"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&apos;", '"': "&quot;"})
_TSV = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_ESCAPED = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def as_text(budget: Budget, value: Json) -> str:
    """Return a string as it is, and anything else as JSON."""
    return value if isinstance(value, str) else as_json(budget, value)


def as_json(budget: Budget, value: Json) -> str:
    """Return the compact JSON of a value."""
    budget.walk(value)
    return to_text(value)


def _row(what: str, separator: str, cell: Callable[[Json], str]) -> Callable[[Budget, Json], str]:
    def write(budget: Budget, value: Json) -> str:
        if not isinstance(value, list):
            raise JqError(f"{shown(value)} cannot be {what}-formatted, only array")
        budget.walk(value)
        return separator.join(map(cell, value))

    return write


def _csv(value: Json) -> str:
    if isinstance(value, str):
        return '"' + value.replace('"', '""') + '"'
    return _cell(value)


def _tsv(value: Json) -> str:
    return value.translate(_TSV) if isinstance(value, str) else _cell(value)


def _cell(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or is_number(value):
        return to_text(value)
    raise JqError(f"{shown(value)} is not valid in a csv row")


def _shell(budget: Budget, value: Json) -> str:
    budget.walk(value)
    return " ".join(map(_word, value if isinstance(value, list) else [value]))


def _word(value: Json) -> str:
    if isinstance(value, (list, dict)):
        raise JqError(f"{shown(value)} can not be escaped for shell")
    return "'" + value.replace("'", "'\\''") + "'" if isinstance(value, str) else to_text(value)


def _from_base64(budget: Budget, value: Json) -> str:
    text = as_text(budget, value)
    letters = text.partition("=")[0]
    if not _BASE64.fullmatch(letters):
        raise JqError(f"{shown(text)} is not valid base64 data")
    if len(letters) % 4 == 1:
        raise JqError(f"{shown(text)} trailing base64 byte found")
    return base64.b64decode(letters + "=" * (-len(letters) % 4)).decode("utf-8", "replace")


def _from_base32(budget: Budget, value: Json) -> str:
    text = as_text(budget, value).rstrip("=")
    try:
        return base64.b32decode(text + "=" * (-len(text) % 8)).decode("utf-8", "replace")
    except binascii.Error as error:
        raise JqError(f"{shown(value)} is not valid base32 data") from error


def _from_uri(budget: Budget, value: Json) -> str:
    data = as_text(budget, value).encode()
    if _ESCAPED.search(data):
        raise JqError(f"{shown(value)} is not a valid uri encoding")
    try:
        return re.sub(rb"%(..)", lambda match: bytes([int(match[1], 16)]), data, flags=re.DOTALL).decode()
    except ValueError as error:
        raise JqError(f"{shown(value)} is not a valid uri encoding") from error


FORMATS: dict[str, Callable[[Budget, Json], str]] = {
    "text": as_text,
    "json": as_json,
    "csv": _row("csv", ",", _csv),
    "tsv": _row("tsv", "\t", _tsv),
    "html": lambda budget, value: as_text(budget, value).translate(_HTML),
    "uri": lambda budget, value: quote(as_text(budget, value), safe="-_.~"),
    "urid": _from_uri,
    "sh": _shell,
    "base64": lambda budget, value: base64.b64encode(as_text(budget, value).encode()).decode(),
    "base64d": _from_base64,
    "base32": lambda budget, value: base64.b32encode(as_text(budget, value).encode()).decode(),
    "base32d": _from_base32,
}


def formatted(budget: Budget, value: Json, name: Any) -> str:
    """Return a value in a format.

    Raises:
        JqError: there is no such format.
    """
    if not isinstance(name, str) or name not in FORMATS:
        raise JqError(f"{name if isinstance(name, str) else shown(name)} is not a valid format")
    return FORMATS[name](budget, value)
