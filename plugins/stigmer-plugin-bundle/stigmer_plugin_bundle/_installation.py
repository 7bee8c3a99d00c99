"""Installing a bundle: the bundle, its version and its members, in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.plugin.v1 import status_pb2
from ai.stigmer.agentic.plugin.v1.api_pb2 import Plugin

from stigmer_core.store import Version
from stigmer_core.uploads import drop_content, give_content
from stigmer_plugin_bundle._members import require_free, write_members

if TYPE_CHECKING:
    from ai.stigmer.agentic.plugin.v1.io_pb2 import PushPluginRequest

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction
    from stigmer_plugin_bundle._archive import Archive
    from stigmer_plugin_bundle._drafts import Drafts

_LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Push:
    """A request to install an archive, and what was read from it."""

    request: PushPluginRequest
    archive: Archive
    drafts: Drafts


def install(tx: Transaction, resources: Resources, kind: Kind, push: Push, content_id: int) -> Any:
    """Make the bundle that an archive describes what the archive says; return it as it is where it is so already.

    Args:
        tx: writes everything.
        resources: every kind's.
        kind: that of bundles.
        push: the archive and what was read from it.
        content_id: the archive's stored bytes, which become the bundle's, or go when it has them already.

    Raises:
        AlreadyExistsError: a member would take the slug of something else.
    """
    draft = resources.prepare(kind, _drafted(push), creating=True)
    existing = resources.find_in(tx, kind, draft.metadata.org, draft.metadata.slug)
    if existing is not None and existing.status.digest == push.archive.digest:
        drop_content(tx, content_id)
        return existing
    require_free(tx, resources, push.drafts.members, draft.metadata.slug)
    bundle = resources.apply_in(tx, kind, draft)
    _describe(bundle, push)
    write_members(tx, resources, push.drafts.members, bundle)
    give_content(tx, content_id, bundle.metadata.id, push.archive.digest)
    resources.save_in(tx, kind, bundle, slot=None)
    _keep_version(tx, bundle)
    return bundle


def _drafted(push: Push) -> Plugin:
    bundle, spec = Plugin(api_version="agentic.stigmer.ai/v1", kind="Plugin"), push.drafts.manifest.spec
    bundle.metadata.name, bundle.metadata.org = spec.name, push.request.org
    bundle.metadata.visibility = push.request.visibility
    bundle.metadata.version.message = push.request.message
    bundle.spec.CopyFrom(spec)
    return bundle


def _describe(bundle: Any, push: Push) -> None:
    """Write the status: which archive it is, how many members it has, and what is to be known of it."""
    status, version, digest = bundle.status, bundle.metadata.version, push.archive.digest
    version.previous_version_id = status.digest
    version.id = status.digest = digest
    status.artifact_storage_key = f"plugins/{bundle.metadata.id}/{digest}.zip"
    status.state = status_pb2.PLUGIN_STATE_READY
    counts = Counter(member.kind.name for member in push.drafts.members)
    status.materialized.CopyFrom(
        status_pb2.PluginMaterialization(
            skills=counts["Skill"], mcp_servers=counts["McpServer"], agents=counts["Agent"]
        )
    )
    del status.warnings[:]
    status.warnings.extend(push.drafts.warnings)


def _keep_version(tx: Transaction, bundle: Any) -> None:
    """Keep the version; the newest one that its author calls so holds the author's version as its tag."""
    metadata, digest, tag = bundle.metadata, bundle.status.digest, bundle.spec.version
    version = Version(
        resource_id=metadata.id,
        hash=digest,
        tag="",
        message=metadata.version.message,
        body=bundle.SerializeToString(deterministic=True),
        created_at=tx.now,
        created_by=bundle.status.audit.spec_audit.updated_by.id,
    )
    tx.put_version(metadata.id, version)
    if tag and tag != _LATEST:
        tx.tag_version(metadata.id, digest, tag)
