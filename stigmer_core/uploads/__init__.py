"""What is too large for a message: content in chunks, and places that take one upload over HTTP each.

Names are imported when they are first used: the command line knows kinds that have content, and moves none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stigmer_core.uploads.contents import (
        Stored,
        drop_content,
        find_content,
        get_content,
        give_content,
        put_content,
        stream_content,
    )
    from stigmer_core.uploads.offering import Offer, Uploads

_MODULES = {
    "Offer": "offering",
    "Stored": "contents",
    "Uploads": "offering",
    "drop_content": "contents",
    "find_content": "contents",
    "get_content": "contents",
    "give_content": "contents",
    "put_content": "contents",
    "stream_content": "contents",
}

__all__ = [
    "Offer",
    "Stored",
    "Uploads",
    "drop_content",
    "find_content",
    "get_content",
    "give_content",
    "put_content",
    "stream_content",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
