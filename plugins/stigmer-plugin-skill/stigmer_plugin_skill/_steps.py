"""What makes a skill special: each distinct archive is a version, and a tag has one holder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.skill.v1.status_pb2 import SKILL_STATE_READY, GitProvenance

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.store import Version
from stigmer_core.uploads import give_content, put_content
from stigmer_plugin_skill._addresses import storage_key
from stigmer_plugin_skill._archive import build_archive, digest_of, parse_skill_md

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft
    from stigmer_core.store import Transaction


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
    content = build_archive(change.new.spec.skill_md)
    keep_archive(change, digest_of(content), put_content(change.tx, content))


def keep_archive(change: Change, digest: str, content_id: int, provenance: GitProvenance | None = None) -> None:
    """Point the skill at an archive, as a new version when it is one.

    Args:
        change: the write of the skill.
        digest: the SHA-256 of the archive.
        content_id: its stored bytes, which become the version's, or go when the version has them already.
        provenance: the commit it was made from.
    """
    skill, tx = change.new, change.tx
    status, version = skill.status, skill.metadata.version
    if status.version_hash != digest:
        version.previous_version_id = status.version_hash
        status.ClearField("git_provenance")  # the archive before came from there
    version.id = status.version_hash = digest
    status.artifact_storage_key = storage_key(skill.metadata.id, digest)
    status.state = SKILL_STATE_READY
    if provenance is not None:
        status.git_provenance.CopyFrom(provenance)
    give_content(tx, content_id, skill.metadata.id, digest)
    change.resources.save_in(tx, change.kind, skill, slot=None)
    tx.put_version(skill.metadata.id, _version(skill, change.actor, tx))
    tag_version(tx, skill, skill.spec.tag)


def tag_version(tx: Transaction, skill: Any, tag: str) -> None:
    """Give the skill's current version a tag, taking it from whichever version had it."""
    if tag:
        tx.tag_version(skill.metadata.id, skill.status.version_hash, tag)


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
