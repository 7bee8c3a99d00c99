"""Skill archives: checked before anything of them is believed, built when a manifest brings only the text."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from dataclasses import dataclass
from typing import Any

import yaml

from stigmer_core import archives
from stigmer_core.errors import InvalidArgumentError

SKILL_FILE = "SKILL.md"
MAX_SKILL_MD_BYTES = 1024 * 1024
MAX_FRONT_MATTER_CHARACTERS = 64 * 1024
_NAME = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)


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
    try:
        text = _skill_md(archives.Archive(content))
    except InvalidArgumentError as error:
        raise _refused(error.message) from error
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
        raise _refused(f"SKILL.md is larger than {MAX_SKILL_MD_BYTES} bytes")
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise _refused("SKILL.md must start with front matter: a line ---, `name:` and `description:`, a line ---")
    front = _front_matter(match.group(1))
    name, description = front.get("name", ""), front.get("description", "")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _refused(f"the name {str(name)[:100]!r} must be lower-case letters and digits, joined by dots or dashes")
    if not isinstance(description, str) or not _is_unicode(description):
        raise _refused("the description must be text")
    return SkillText(name, description, text)


def _refused(reason: str) -> InvalidArgumentError:
    """Return the error of an archive that cannot be taken; it begins as the API's does."""
    return InvalidArgumentError(f"failed to extract SKILL.md: {reason}")


def _skill_md(archive: archives.Archive) -> str:
    if SKILL_FILE not in archive.names:
        raise InvalidArgumentError(f"there is no {SKILL_FILE} at the root of the archive")
    return archive.text(SKILL_FILE, most_bytes=MAX_SKILL_MD_BYTES)


def _front_matter(text: str) -> dict[Any, Any]:
    if len(text) > MAX_FRONT_MATTER_CHARACTERS:
        raise _refused(f"the front matter has more than {MAX_FRONT_MATTER_CHARACTERS} characters")
    try:
        # Every scalar as it is written: `name: 1.10` is no number, and no tag can build or break anything.
        front = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes text, lists and maps only
    except (yaml.YAMLError, RecursionError) as error:
        raise _refused(f"the front matter is no YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(front, dict):
        raise _refused("the front matter must have `name:` and `description:`")
    return front


def _is_unicode(text: str) -> bool:
    """Return whether text can be encoded: an escape in YAML may make half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
