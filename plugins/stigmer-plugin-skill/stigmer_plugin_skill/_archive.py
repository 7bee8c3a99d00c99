"""Skill archives: checked before anything of them is believed, built when a manifest brings only the text."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import yaml

from stigmer_plugin_skill._entries import SKILL_FILE, check_entries, refused

MAX_ARCHIVE_BYTES = 100 * 1024 * 1024
MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_RATIO = 100
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
MAX_SKILL_MD_BYTES = 1024 * 1024
MAX_FRONT_MATTER_CHARACTERS = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_SMALL_BYTES = 64 * 1024  # below this a high ratio harms nobody
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class SkillText:
    """The contents of a `SKILL.md`: its front matter and the whole text."""

    name: str
    description: str
    text: str


@dataclass(frozen=True, slots=True)
class Archive:
    """What a checked archive says; `digest` is the SHA-256 of its bytes in lower-case hex."""

    skill: SkillText
    digest: str


def read_archive(content: bytes) -> Archive:
    """Return what a pushed archive says after checking every entry of it.

    Raises:
        InvalidArgumentError: it is no ZIP, unsafe, too large, or has no good `SKILL.md` at its root.
    """
    if len(content) > MAX_ARCHIVE_BYTES:
        raise refused(f"the archive has {len(content)} bytes, at most {MAX_ARCHIVE_BYTES} are taken")
    try:
        with zipfile.ZipFile(_BoundedFile(content)) as archive:
            check_entries(archive.infolist())
            text = _unpack(archive, len(content))
    except _UNREADABLE as error:
        raise refused(f"the archive is no readable ZIP: {error}") from error
    return Archive(parse_skill_md(text), digest_of(content))


def digest_of(content: bytes) -> str:
    """Return the name of a version with these bytes."""
    return hashlib.sha256(content).hexdigest()


def build_archive(text: str) -> bytes:
    """Return the archive of a skill that is only its `SKILL.md`; the same text gives the same bytes everywhere."""
    entry = zipfile.ZipInfo(SKILL_FILE, (1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, also where this is not
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, text)
    return buffer.getvalue()


def parse_skill_md(text: str) -> SkillText:
    """Return the front matter of a `SKILL.md` and its text.

    Raises:
        InvalidArgumentError: there is no front matter, or no valid name in it, or the text is too large.
    """
    if len(text.encode()) > MAX_SKILL_MD_BYTES:
        raise refused(f"SKILL.md is larger than {MAX_SKILL_MD_BYTES} bytes")
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise refused("SKILL.md must start with front matter: a line ---, `name:` and `description:`, a line ---")
    front = _front_matter(match.group(1))
    name, description = front.get("name", ""), front.get("description", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refused(f"the name {str(name)[:100]!r} must be lower-case letters and digits, joined by dots or dashes")
    if not isinstance(description, str) or not _is_unicode(description):
        raise refused("the description must be text")
    return SkillText(name, description, text)


class _BoundedFile(io.BytesIO):
    """Bytes whose list of entries is bounded: zipfile reads it at once, and makes 600 bytes of 46."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its list of entries has {size} bytes, at most {MAX_DIRECTORY_BYTES} are taken")
        return super().read(size)


def _unpack(archive: zipfile.ZipFile, packed_bytes: int) -> str:
    """Read every entry, counting what really comes out, and return the text of `SKILL.md`."""
    total = 0
    text = b""
    for entry in archive.infolist():
        with archive.open(entry) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                total += len(chunk)
                if total > MAX_UNPACKED_BYTES or total > max(packed_bytes * MAX_RATIO, _SMALL_BYTES):
                    raise refused("the archive unpacks to too much: more than 500 MB, or 100 times its size")
                if entry.filename == SKILL_FILE and len(text) <= MAX_SKILL_MD_BYTES:
                    text += chunk
    if len(text) > MAX_SKILL_MD_BYTES:
        raise refused(f"SKILL.md is larger than {MAX_SKILL_MD_BYTES} bytes")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refused("SKILL.md is not UTF-8") from error


def _front_matter(text: str) -> dict[Any, Any]:
    if len(text) > MAX_FRONT_MATTER_CHARACTERS:
        raise refused(f"the front matter has more than {MAX_FRONT_MATTER_CHARACTERS} characters")
    try:
        # Every scalar as it is written: `name: 1.10` is no number, and no tag can build or break anything.
        front = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists and maps only
    except (yaml.YAMLError, RecursionError) as error:
        raise refused(f"the front matter is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(front, dict):
        raise refused("the front matter must have `name:` and `description:`")
    return front


def _is_unicode(text: str) -> bool:
    """Return whether text can be encoded: an escape in YAML may make half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
