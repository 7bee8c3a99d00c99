"""Archives: every entry is checked before anything of it is believed."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
import zlib
from functools import cached_property

from stigmer_core.errors import InvalidArgumentError

MAX_ARCHIVE_BYTES = 100 * 1024 * 1024
MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_RATIO = 100
MAX_FILES = 10_000
MAX_DEPTH = 32
MAX_TEXT_BYTES = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_SMALL_BYTES = 64 * 1024  # below this a high ratio harms nobody
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may take gigabytes of memory for a small entry
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


class Archive:
    """A checked archive, its files named from the folder of its manifest.

    Args:
        content: a ZIP.

    Raises:
        InvalidArgumentError: it is no ZIP, unsafe or too large.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        if len(content) > MAX_ARCHIVE_BYTES:
            raise bad_archive(f"it has {len(content)} bytes, at most {MAX_ARCHIVE_BYTES} are taken")
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
            entries = self._zip.infolist()
            _check_entries(entries)
            self._check_sizes()
        except _UNREADABLE as error:
            raise bad_archive(f"it is no readable ZIP: {error}") from error
        names = [entry.filename for entry in entries if not entry.is_dir()]
        self._folder = _only_folder(names)
        self.names = sorted(name.removeprefix(self._folder) for name in names if name.startswith(self._folder))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the bytes, in lower-case hex: the name of the version."""
        return hashlib.sha256(self.content).hexdigest()

    def text(self, name: str) -> str:
        """Return the text of one of `names`.

        Raises:
            InvalidArgumentError: it is larger than a megabyte, or not UTF-8.
        """
        entry = self._zip.getinfo(self._folder + name)
        if entry.file_size > MAX_TEXT_BYTES:
            raise InvalidArgumentError(f"{name} has {entry.file_size} bytes, at most {MAX_TEXT_BYTES} are taken")
        try:
            return self._zip.read(entry).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(f"{name} is not UTF-8") from error

    def under(self, folder: str) -> list[str]:
        """Return the files in a folder and below it; all files for an empty one."""
        prefix = f"{folder}/" if folder else ""
        return [name for name in self.names if name.startswith(prefix)]

    def _check_sizes(self) -> None:
        """Read every entry and count what really comes out, which also checks what its header says."""
        total, most = 0, min(MAX_UNPACKED_BYTES, max(len(self.content) * MAX_RATIO, _SMALL_BYTES))
        for entry in self._zip.infolist():
            with self._zip.open(entry) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    total += len(chunk)
                    if total > most:
                        raise bad_archive("it unpacks to too much: more than 500 MB, or 100 times its size")


def bad_archive(reason: str) -> InvalidArgumentError:
    """Return the error for an archive that cannot be installed."""
    return InvalidArgumentError(f"the archive cannot be installed: {reason}")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise bad_archive(f"it has {len(entries)} entries, at most {MAX_FILES} are taken")
    seen: dict[str, bool] = {}
    for entry in entries:
        # orig_filename still has what zipfile cuts off after a NUL
        name = entry.orig_filename
        parts = name.removesuffix("/").split("/")
        if "\0" in name or "\\" in name or {"", ".", ".."} & set(parts) or re.match(r"[A-Za-z]:", name):
            raise bad_archive(f"unsafe path {name!r}")
        if len(parts) > MAX_DEPTH:
            raise bad_archive(f"a path is {len(parts)} folders deep, at most {MAX_DEPTH} are taken")
        key = "/".join(parts).casefold()
        if key in seen:
            raise bad_archive(f"{name!r} is there twice, or differs only in case")
        seen[key] = entry.is_dir()
        _check_kind(entry, name)
    _check_parents(seen)


def _check_kind(entry: zipfile.ZipInfo, name: str) -> None:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise bad_archive(f"{name!r} is a link or device; only files and folders are taken")
    if entry.flag_bits & 0x1:
        raise bad_archive(f"{name!r} is encrypted")
    if entry.compress_type not in _METHODS:
        raise bad_archive(f"{name!r} is not packed with deflate, the only method taken")


def _check_parents(seen: dict[str, bool]) -> None:
    for key in seen:
        parent = key.rpartition("/")[0]
        if parent and not seen.get(parent, True):
            raise bad_archive(f"{parent!r} is a file and a folder")


def _only_folder(names: list[str]) -> str:
    """Return the folder that everything lies in, as archives of a repository have one, with its slash; or nothing."""
    tops = {name.partition("/")[0] for name in names if not name.startswith("__MACOSX/")}
    top = f"{tops.pop()}/" if len(tops) == 1 else ""
    hidden = top.startswith(".")  # the folder of a manifest is not one around it
    return "" if hidden or not all(name.startswith((top, "__MACOSX/")) for name in names) else top
