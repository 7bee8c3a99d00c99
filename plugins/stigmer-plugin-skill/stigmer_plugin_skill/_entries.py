"""What an archive may contain: checked on its list of entries, before anything is unpacked."""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zipfile
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_FILES = 10_000
MAX_DEPTH = 32
MAX_PART_BYTES = 255  # no file system takes a longer name
SKILL_FILE = "SKILL.md"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # APPNOTE 4.4.4: encrypted, strongly, and with a masked directory
_UTF8 = 0x800
_UNICODE_PATH = 0x7075  # APPNOTE 4.6.9: a second name, which some programs prefer to the first
_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def refused(reason: str) -> InvalidArgumentError:
    """Return the error of an archive that cannot be taken; it begins as the API's does."""
    return InvalidArgumentError(f"failed to extract SKILL.md: {reason}")


def check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Check what an archive says it contains, and that each path would be one file or one folder anywhere.

    Raises:
        InvalidArgumentError: too many entries, an unsafe or ambiguous one, or no `SKILL.md` at the root.
    """
    if len(entries) > MAX_FILES:
        raise refused(f"the archive has {len(entries)} entries, at most {MAX_FILES} are taken")
    for entry in entries:
        # orig_filename still has what zipfile cuts off after a NUL
        name = entry.orig_filename
        fault = _spelling_fault(entry, name) or _path_fault(name) or _kind_fault(entry)
        if fault:
            raise refused(f"{name[:MAX_PART_BYTES]!r} {fault}")
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


def _path_fault(name: str) -> str:
    parts = name.removesuffix("/").split("/")
    if _DRIVE.match(name) or any(part in ("", ".", "..") for part in parts):
        return "is an unsafe path"
    if len(parts) > MAX_DEPTH:
        return f"is {len(parts)} folders deep, at most {MAX_DEPTH} are taken"
    if any(len(part.encode()) > MAX_PART_BYTES for part in parts):
        return f"has a name of more than {MAX_PART_BYTES} bytes in it"
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
            raise refused(f"{name!r} is there twice, or differs only in case or accents from another")
        places.add(place)
        if not name.endswith("/"):
            files.add(place)
    for place in places:
        if blocking := next((folder for folder in _folders(place) if folder in files), ""):
            raise refused(f"{blocking!r} is both a file and a folder")
    if SKILL_FILE not in names:
        raise refused(f"there is no {SKILL_FILE} at the root of the archive")


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
