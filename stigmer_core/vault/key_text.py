"""Keys as people hand them over: 32 bytes each in base64, on lines of their own or between commas."""

from __future__ import annotations

import base64
import binascii
import os
from typing import TYPE_CHECKING

from stigmer_core.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

KEY_BYTES = 32
MAKE_ONE = "python3 -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'"


def written_keys(keys: Iterable[bytes]) -> str:
    """Return keys as `parsed_keys` reads them, a line each."""
    return "".join(f"{base64.b64encode(key).decode()}\n" for key in keys)


def parsed_keys(text: str, source: str, name: str) -> list[bytes]:
    """Return the keys of a text, at least one.

    Args:
        text: what is parsed.
        source: where it comes from, for messages.
        name: what the keys are called there, such as `root key`.

    Raises:
        StoreError: it has none, or one that cannot be right.
    """
    keys = []
    for part in text.replace(",", "\n").split():
        try:
            key = base64.b64decode(part, validate=True)
        except (binascii.Error, ValueError) as error:
            raise StoreError(f"{source} has a {name} that is not base64: {error}; nothing replaces it") from error
        if len(key) != KEY_BYTES:
            raise StoreError(f"{source} has a {name} of {len(key)} bytes, {KEY_BYTES} are needed")
        keys.append(key)
    if not keys:
        raise StoreError(f"{source} is empty: a {name} is {KEY_BYTES} bytes in base64; make one with {MAKE_ONE}")
    return keys


def read_keys(file: Path, name: str) -> list[bytes]:
    """Return the keys of a file that nobody else may read.

    Raises:
        FileNotFoundError: there is none.
        StoreError: it cannot be read, others can, or what it has cannot be right.
    """
    try:
        mode, text = file.stat().st_mode, file.read_text(encoding="ascii")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the {name} {file} cannot be read: {error}; nothing replaces it") from error
    if mode & 0o077 and os.name == "posix":
        raise StoreError(f"the {name} {file} can be read by others: chmod 600 {file}")
    return parsed_keys(text, str(file), name)
