"""What makes a skill special: each distinct archive is a version, and a tag has one holder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.skill.v1.status_pb2 import SKILL_STATE_READY

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.store import Version
from stigmer_plugin_skill._archive import build_archive, parse_skill_md
from stigmer_plugin_skill._store import delete_archives, put_archive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft
    from stigmer_core.store import Transaction
    from stigmer_plugin_skill._archive import Archive


def check_skill(draft: Draft) -> Sequence[Problem]:
    """Fill name and description from the text, and return what is wrong with it."""
    spec, metadata = draft.resource.spec, draft.resource.metadata
    try:
        skill = parse_skill_md(spec.skill_md)
    except InvalidArgumentError as error:
        return [Problem("/spec/skill_md", error.message)]
    spec.name, spec.description = skill.name, skill.description
    if metadata.name not in (skill.name, metadata.slug) and draft.creating:
        return [Problem("/metadata/name", f"is {metadata.name!r}, the front matter says {skill.name!r}")]
    return []


def keep_text(change: Change) -> None:
    """Make a version of a skill that came as a manifest, without an archive."""
    keep_archive(change, build_archive(change.new.spec.skill_md))


def keep_archive(change: Change, archive: Archive) -> None:
    """Point the skill at an archive, as a new version when it is one."""
    skill, tx = change.new, change.tx
    status, version = skill.status, skill.metadata.version
    if status.version_hash and status.version_hash != archive.digest:
        version.previous_version_id = status.version_hash
    version.id = status.version_hash = archive.digest
    status.artifact_storage_key = storage_key(skill.metadata.id, archive.digest)
    status.state = SKILL_STATE_READY
    put_archive(tx, skill.metadata.id, archive.digest, archive.content)
    change.resources.save_in(tx, change.kind, skill, slot=None)
    tx.put_version(skill.metadata.id, _version(skill, change.actor, tx))
    tag_version(tx, skill, skill.spec.tag)


def tag_version(tx: Transaction, skill: Any, tag: str) -> None:
    """Give the skill's current version a tag, taking it from whichever version had it."""
    if tag:
        tx.tag_version(skill.metadata.id, skill.status.version_hash, tag)


def forget_archives(change: Change) -> None:
    """Delete the archives with their skill."""
    delete_archives(change.tx, change.old.metadata.id)


def storage_key(skill_id: str, digest: str) -> str:
    """Return the key under which clients fetch an archive."""
    return f"skills/{skill_id}/{digest}.zip"


def _version(skill: Any, actor: str, tx: Transaction) -> Version:
    return Version(
        resource_id=skill.metadata.id,
        hash=skill.status.version_hash,
        tag="",
        message=skill.metadata.version.message,
        body=skill.SerializeToString(deterministic=True),
        created_at=tx.now,
        created_by=actor,
        sequence=0,
    )
