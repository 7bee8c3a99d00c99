"""ZIP archives from outside: every entry is checked before anything of one is believed.

What passes is a file or a folder at one place, whatever program unpacks it on whatever file system.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK_BYTES = 1024 * 1024
_SMALL_BYTES = 64 * 1024  # below this a high ratio harms nobody
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may take gigabytes of memory for a small entry
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # APPNOTE 4.4.4: encrypted, strongly, and with a masked directory
_UTF8 = 0x800
_UNICODE_PATH = 0x7075  # APPNOTE 4.6.9: a second name, which some programs prefer to the first
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may have at most."""

    archive_bytes: int = 100 * 1024 * 1024
    unpacked_bytes: int = 500 * 1024 * 1024
    ratio: int = 100  # unpacked to packed, over the whole archive
    entries: int = 10_000
    directory_bytes: int = 4 * 1024 * 1024  # of the list of entries
    depth: int = 32  # parts of a path
    part_bytes: int = 255  # no file system takes a longer name


LIMITS = Limits()


class Archive:
    """A checked archive.

    Args:
        content: a ZIP.
        limits: what it may have at most.

    Raises:
        InvalidArgumentError: it is no ZIP, unsafe or too large; the message is why.
    """

    def __init__(self, content: bytes, limits: Limits = LIMITS) -> None:
        self.content = content
        if len(content) > limits.archive_bytes:
            raise InvalidArgumentError(
                f"the archive has {len(content)} bytes, at most {limits.archive_bytes} are taken"
            )
        try:
            self._zip = zipfile.ZipFile(_BoundedFile(content, limits.directory_bytes))
            _check_entries(self._zip.infolist(), limits)
            self._check_sizes(limits)
        except _UNREADABLE as error:
            raise InvalidArgumentError(f"the archive is no readable ZIP: {error}") from error
        self.names = [entry.filename for entry in self._zip.infolist() if not entry.is_dir()]

    def text(self, name: str, *, most_bytes: int) -> str:
        """Return one of `names` as text.

        Raises:
            InvalidArgumentError: it is larger than that, or not UTF-8.
        """
        entry = self._zip.getinfo(name)
        if entry.file_size > most_bytes:
            raise InvalidArgumentError(f"{name} has {entry.file_size} bytes, at most {most_bytes} are taken")
        try:
            return b"".join(self._unpacked(entry)).decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidArgumentError(f"{name} is not UTF-8") from error

    def _check_sizes(self, limits: Limits) -> None:
        """Read every entry and count what really comes out, which also checks what its header says."""
        total, most = 0, min(limits.unpacked_bytes, max(len(self.content) * limits.ratio, _SMALL_BYTES))
        for entry in self._zip.infolist():
            for chunk in self._unpacked(entry):
                total += len(chunk)
                if total > most:
                    raise InvalidArgumentError(f"the archive unpacks to too much: more than {most} bytes")

    def _unpacked(self, entry: zipfile.ZipInfo) -> Iterator[bytes]:
        with self._zip.open(entry) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk


class _BoundedFile(io.BytesIO):
    """Bytes whose list of entries is bounded: zipfile reads it at once, and makes 600 bytes of 46."""

    def __init__(self, content: bytes, most_bytes: int) -> None:
        super().__init__(content)
        self._most_bytes = most_bytes

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self._most_bytes:
            raise zipfile.BadZipFile(f"its list of entries has {size} bytes, at most {self._most_bytes} are taken")
        return super().read(size)


def _check_entries(entries: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    """Check what an archive says it contains, before anything is unpacked."""
    if len(entries) > limits.entries:
        raise InvalidArgumentError(f"the archive has {len(entries)} entries, at most {limits.entries} are taken")
    for entry in entries:
        # orig_filename still has what zipfile cuts off after a NUL
        name = entry.orig_filename
        fault = _spelling_fault(entry, name) or _path_fault(name, limits) or _kind_fault(entry)
        if fault:
            raise InvalidArgumentError(f"{name[: limits.part_bytes]!r} {fault}")
    _check_places([entry.orig_filename for entry in entries])


def _spelling_fault(entry: zipfile.ZipInfo, name: str) -> str:
    if not name.isascii() and not entry.flag_bits & _UTF8:
        return "has a name that is not marked as UTF-8, so that each program reads another one"
    if _CONTROL.search(name):
        return "has a control character in its name"
    if "\\" in name:
        return "is an unsafe path: folders are parted by /, not by a backslash"
    if entry.filename != name or _UNICODE_PATH in _extra_fields(entry.extra):
        return "has a second name in the archive"
    return ""


def _path_fault(name: str, limits: Limits) -> str:
    parts = name.removesuffix("/").split("/")
    if _DRIVE.match(name) or any(part in ("", ".", "..") for part in parts):
        return "is an unsafe path"
    if len(parts) > limits.depth:
        return f"is {len(parts)} folders deep, at most {limits.depth} are taken"
    if any(len(part.encode()) > limits.part_bytes for part in parts):
        return f"has a name of more than {limits.part_bytes} bytes in it"
    return ""


def _kind_fault(entry: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or device; only files and folders are taken"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in _METHODS:
        return f"is compressed by method {entry.compress_type}; only stored and deflated entries are taken"
    folder = entry.orig_filename.endswith("/")
    if (folder and entry.file_size) or (not folder and kind == stat.S_IFDIR):
        return "is both a file and a folder"
    return ""


def _check_places(names: Sequence[str]) -> None:
    """Check that no two names are one place where case or the form of accents does not count."""
    files: set[str] = set()
    places: set[str] = set()
    for name in names:
        place = _folded(name.removesuffix("/"))
        if place in places:
            raise InvalidArgumentError(f"{name!r} is there twice, or differs only in case or accents from another")
        places.add(place)
        if not name.endswith("/"):
            files.add(place)
    for place in places:
        if blocking := next((folder for folder in _folders(place) if folder in files), ""):
            raise InvalidArgumentError(f"{blocking!r} is both a file and a folder")


def _folded(name: str) -> str:
    """Return what names have in common that some file system takes for one: Unicode 3.13, canonical caseless."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def _folders(place: str) -> Iterator[str]:
    end = place.find("/")
    while end >= 0:
        yield place[:end]
        end = place.find("/", end + 1)


def _extra_fields(extra: bytes) -> Iterator[int]:
    while len(extra) >= 4:  # noqa: PLR2004 - tag and length
        tag, length = struct.unpack_from("<HH", extra)
        yield tag
        extra = extra[4 + length :]
