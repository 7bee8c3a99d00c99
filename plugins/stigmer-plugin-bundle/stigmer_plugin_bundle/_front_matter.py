"""Markdown with front matter: what skills and agents are written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FRONT_MATTER = 64 * 1024
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^([A-Za-z][\w-]*):[ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Page:
    """A text and its front matter: `fields` as YAML has them, `body` what follows."""

    fields: Mapping[str, Any]
    body: str

    def word(self, name: str) -> str:
        """Return a field that is one value, as text; empty when it is missing, or a list or mapping.

        Lists are left alone on purpose: a few YAML aliases spell out gigabytes.
        """
        value = self.fields.get(name)
        return _whole(str(value)).strip() if isinstance(value, (str, int, float)) else ""

    def words(self, name: str) -> list[str] | None:
        """Return a field that is a list, or one value with commas; None when it is missing."""
        value = self.fields.get(name)
        if isinstance(value, str):
            return [part.strip() for part in _whole(value).split(",") if part.strip()]
        if isinstance(value, list):
            return [_whole(part).strip() for part in value if isinstance(part, str) and part.strip()]
        return None


def read_page(text: str) -> Page | None:
    """Return a text with front matter; None when it has none, or one of more than 64 KB.

    Fields are read line by line where they are no YAML: descriptions of agents often have a colon too many.
    """
    match = _FRONT_MATTER.match(text)
    if match is None or len(match[1]) > MAX_FRONT_MATTER:
        return None
    try:
        fields: Any = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, RecursionError):
        fields = {key: value.strip().strip("\"'") for key, value in _LINE.findall(match[1])}
    return Page(fields if isinstance(fields, dict) else {}, text[match.end() :])


def _whole(text: str) -> str:
    """Return a text without halves of surrogate pairs, which YAML's escapes can make and messages cannot hold."""
    return text.encode("utf-8", "replace").decode()
