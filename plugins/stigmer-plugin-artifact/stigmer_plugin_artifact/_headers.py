"""The headers under which content leaves the HTTP host: a browser must not take it for more than it is."""

from __future__ import annotations

import unicodedata
from typing import Literal
from urllib.parse import quote

_NAME_CHARACTERS = 255
_FALLBACK = "artifact"
# A PDF viewer does not run in a sandbox, and runs nothing of the page's origin.
_UNSANDBOXED = frozenset({"application/pdf"})

NOSNIFF = {"X-Content-Type-Options": "nosniff"}


def content_headers(content_type: str, digest: str, size_bytes: int, disposition: str) -> dict[str, str]:
    """Return the headers of content, but for its type."""
    headers = {
        **NOSNIFF,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": disposition,
        "Content-Length": str(size_bytes),
        "ETag": entity_tag(digest),
        "Referrer-Policy": "no-referrer",
    }
    if content_type.partition(";")[0].strip().lower() not in _UNSANDBOXED:
        headers["Content-Security-Policy"] = "sandbox"
    return headers


def content_disposition(how: Literal["inline", "attachment"], name: str) -> str:
    """Return the header that names a file (RFC 6266), for any name: it ends up without folders or hidden parts."""
    safe = _file_name(name)
    plain = "".join(character if _is_plain(character) else "_" for character in safe)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(safe, safe='')}"


def entity_tag(digest: str) -> str:
    """Return the ETag of content."""
    return f'"{digest}"'


def is_known(digest: str, if_none_match: str) -> bool:
    """Return whether a client has the content already; tags compare weakly (RFC 9110, 13.1.2)."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return bool(tags & {"*", entity_tag(digest)})


def _file_name(name: str) -> str:
    # Category C: control characters, and those that turn the direction of text to hide an extension.
    clean = "".join("_" if c in "/\\" or unicodedata.category(c).startswith("C") else c for c in name)
    return clean[:_NAME_CHARACTERS].strip(" .") or _FALLBACK


def _is_plain(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character in " ._-()[]+,=@")
