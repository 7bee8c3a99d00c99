"""Files that only their owner reads, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from stigmer_core.errors import StoreError


def write_private(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write a file whole or not at all, durable when this returns, readable by its owner only.

    Raises:
        FileExistsError: it is there and must not be replaced.
        StoreError: it cannot be written.
    """
    if not replace and path.exists():
        raise FileExistsError(path)
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
            _sync_folder(path.parent)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut; Windows has no handles on folders, and journals renames by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
