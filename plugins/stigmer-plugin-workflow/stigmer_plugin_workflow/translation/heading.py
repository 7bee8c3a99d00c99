"""The heading of a document: the API's names are free, the DSL's are labels of host names and semantic versions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stigmer_core.program import Json

DSL_VERSION = "1.0.3"
_LONGEST = 63
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def heading(document: Any) -> dict[str, Json]:
    """Return the heading; a name that the DSL does not take is the title too."""
    made = {
        "dsl": DSL_VERSION,
        "namespace": _label(document.namespace),
        "name": _label(document.name),
        "version": _version(document.version),
    }
    made |= {"title": document.name} if made["name"] != document.name else {}
    return made | ({"summary": document.description} if document.description else {})


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:_LONGEST].strip("-") if not _is_label(text) else text


def _is_label(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", text) is not None


def _version(text: str) -> str:
    """Return a semantic version: `1` and `v1.2` have their missing numbers added."""
    if not text or _VERSION.fullmatch(text):
        return text
    numbers = [number.lstrip("0") or "0" for number in re.findall(r"[0-9]+", text)][:3]
    return ".".join([*numbers, "0", "0", "0"][:3])
