"""A bundle's archive: its files, named from the folder of its manifest."""

from __future__ import annotations

import hashlib
from functools import cached_property

from stigmer_core import archives
from stigmer_core.errors import InvalidArgumentError

MAX_TEXT_BYTES = 1024 * 1024


class Archive:
    """A checked archive, its files named from the folder of its manifest.

    Args:
        content: a ZIP.

    Raises:
        InvalidArgumentError: it is no ZIP, unsafe or too large.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        try:
            self._archive = archives.Archive(content)
        except InvalidArgumentError as error:
            raise bad_archive(error.message) from error
        names = self._archive.names
        self._folder = _only_folder(names)
        self.names = sorted(name.removeprefix(self._folder) for name in names if name.startswith(self._folder))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the bytes, in lower-case hex: the name of the version."""
        return hashlib.sha256(self.content).hexdigest()

    def text(self, name: str) -> str:
        """Return the text of one of `names`, without a byte order mark.

        Raises:
            InvalidArgumentError: it is larger than a megabyte, or not UTF-8.
        """
        return self._archive.text(self._folder + name, most_bytes=MAX_TEXT_BYTES).removeprefix("\ufeff")

    def under(self, folder: str) -> list[str]:
        """Return the files in a folder and below it; all files for an empty one."""
        prefix = f"{folder}/" if folder else ""
        return [name for name in self.names if name.startswith(prefix)]


def bad_archive(reason: str) -> InvalidArgumentError:
    """Return the error for an archive that cannot be installed."""
    return InvalidArgumentError(f"the archive cannot be installed: {reason}")


def _only_folder(names: list[str]) -> str:
    """Return the folder that everything lies in, as archives of a repository have one, with its slash; or nothing."""
    tops = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX/")}
    top = f"{tops.pop()}/" if len(tops) == 1 else ""
    hidden = top.startswith(".")  # the folder of a manifest is not one around it
    return "" if hidden or not all(name.startswith((top, "__MACOSX/")) for name in names) else top
