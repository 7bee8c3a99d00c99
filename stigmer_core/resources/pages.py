"""Pages of a listing: numbered ones, and opaque tokens that stay right under concurrent writes."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.message import Message

    from stigmer_core.store import Reader, Row

DEFAULT_SIZE = 20
MAX_SIZE = 100
_VERSION = 1
_LAST = 2**63 - 1  # the largest integer that SQLite keeps


@dataclass(frozen=True, slots=True)
class NumberedPage:
    """A page by its number, from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """How many entries come before it."""
        return (self.number - 1) * self.size

    def total_pages(self, total: int) -> int:
        """Return how many pages so many entries make."""
        return -(-total // self.size)


def numbered_page(page_info: Any) -> NumberedPage:
    """Return the page that a `PageInfo` asks for: number 1, size 20 when unset, at most 100 entries."""
    size = page_info.size if page_info.size >= 1 else DEFAULT_SIZE
    return NumberedPage(max(page_info.num, 1), min(size, MAX_SIZE))


def page_size(request: Any, *, default: int = MAX_SIZE, most: int = MAX_SIZE) -> int:
    """Return how many entries a request's page has: `default` when it asks for less than one, never above `most`."""
    return min(request.page_size if request.page_size > 0 else default, most)


def page_token(request: Message, position: int) -> str:
    """Return the token of the page after a position; it fits only a request like this one."""
    payload = json.dumps([_VERSION, _digest(request), position])
    return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")


def token_position(request: Any) -> int | None:
    """Return the position in a request's `page_token`, or None for the first page.

    Raises:
        InvalidArgumentError: the token was not made for this listing.
    """
    token = request.page_token
    if not token:
        return None
    try:
        version, digest, position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error, TypeError, RecursionError) as error:
        raise InvalidArgumentError("page_token is not one that this server made") from error
    if version != _VERSION or digest != _digest(request) or not isinstance(position, int) or not 0 <= position <= _LAST:
        raise InvalidArgumentError("page_token belongs to another listing: start again without one")
    return position


def token_page(reader: Reader, kind: str, request: Any, **where: Any) -> tuple[Sequence[Row], str, int]:
    """Return the rows of the page that a `page_size`, `page_token` request asks for, the next token, how many pages.

    Newest first; a page without a size is as long as it may be: 100. `where` is what `Reader.page` narrows by.

    Raises:
        InvalidArgumentError: the page token belongs to another listing.
    """
    size = page_size(request)
    rows = reader.page(kind, before=token_position(request), limit=size + 1, **where)
    more = page_token(request, rows[size - 1].sequence) if len(rows) > size else ""
    return rows[:size], more, -(-reader.count(kind, **where) // size)


def _digest(request: Message) -> str:
    twin = type(request)()
    twin.CopyFrom(request)
    twin.ClearField("page_token")
    twin.ClearField("page_size")
    return hashlib.sha256(twin.SerializeToString(deterministic=True)).hexdigest()[:16]
