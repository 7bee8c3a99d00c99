"""Skill archives: checked before anything of them is believed, built when a manifest brings only the text."""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import yaml

from stigmer_core.errors import InvalidArgumentError

MAX_ARCHIVE_BYTES = 100 * 1024 * 1024
MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_RATIO = 100
MAX_FILES = 10_000
MAX_SKILL_MD_BYTES = 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_SMALL_BYTES = 64 * 1024  # below this a high ratio harms nobody
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\s*(?:\r?\n|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SkillText:
    """The contents of a `SKILL.md`: its front matter and the whole text."""

    name: str
    description: str
    text: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A checked archive; `digest` is the SHA-256 of its bytes in lower-case hex."""

    skill: SkillText
    content: bytes
    digest: str


def read_archive(content: bytes) -> Archive:
    """Return a pushed archive after checking every entry of it.

    Raises:
        InvalidArgumentError: it is no ZIP, unsafe, too large, or has no good `SKILL.md` at its root.
    """
    if len(content) > MAX_ARCHIVE_BYTES:
        raise _bad(f"the archive has {len(content)} bytes, at most {MAX_ARCHIVE_BYTES} are taken")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_entries(archive.infolist())
            text = _unpack(archive, len(content))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _bad(f"the archive is no readable ZIP: {error}") from error
    return Archive(parse_skill_md(text), content, hashlib.sha256(content).hexdigest())


def build_archive(text: str) -> Archive:
    """Return the archive of a skill that is only its `SKILL.md`; the same text gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("SKILL.md", (1980, 1, 1, 0, 0, 0)), text)
    content = buffer.getvalue()
    return Archive(parse_skill_md(text), content, hashlib.sha256(content).hexdigest())


def parse_skill_md(text: str) -> SkillText:
    """Return the front matter of a `SKILL.md` and its text.

    Raises:
        InvalidArgumentError: there is no front matter, or no valid name in it.
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise _bad("SKILL.md must start with front matter: a line ---, `name:` and `description:`, a line ---")
    try:
        front: Any = yaml.safe_load(match.group(1))
    except (yaml.YAMLError, RecursionError) as error:
        raise _bad(f"the front matter is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(front, dict):
        raise _bad("the front matter must have `name:` and `description:`")
    name, description = str(front.get("name") or ""), str(front.get("description") or "")
    if not _NAME.fullmatch(name):
        raise _bad(f"the name {name!r} must be lower-case letters and digits, joined by single dots or dashes")
    return SkillText(name, description, text)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_FILES:
        raise _bad(f"the archive has {len(entries)} entries, at most {MAX_FILES} are taken")
    seen: set[str] = set()
    for entry in entries:
        # orig_filename still has what zipfile cuts off after a NUL
        name = entry.orig_filename
        parts = name.replace("\\", "/").split("/")
        if "\0" in name or name.startswith(("/", "\\")) or ".." in parts or re.match(r"[A-Za-z]:", name):
            raise _bad(f"unsafe path {name!r}")
        if name.casefold() in seen:
            raise _bad(f"{name!r} is there twice, or differs only in case")
        seen.add(name.casefold())
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _bad(f"{name!r} is a link or device; only files and folders are taken")
        if entry.flag_bits & 0x1:
            raise _bad(f"{name!r} is encrypted")
    if "skill.md" not in seen or not any(entry.filename == "SKILL.md" for entry in entries):
        raise _bad("there is no SKILL.md at the root of the archive")


def _unpack(archive: zipfile.ZipFile, packed_bytes: int) -> str:
    """Read every entry, counting what really comes out, and return the text of `SKILL.md`."""
    total = 0
    text = b""
    for entry in archive.infolist():
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total += len(chunk)
                if total > MAX_UNPACKED_BYTES or total > max(packed_bytes * MAX_RATIO, _SMALL_BYTES):
                    raise _bad("the archive unpacks to too much: more than 500 MB, or 100 times its size")
                if entry.filename == "SKILL.md":
                    text += chunk
                    if len(text) > MAX_SKILL_MD_BYTES:
                        raise _bad(f"SKILL.md is larger than {MAX_SKILL_MD_BYTES} bytes")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("SKILL.md is not UTF-8") from error


def _bad(reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"failed to extract SKILL.md: {reason}")
