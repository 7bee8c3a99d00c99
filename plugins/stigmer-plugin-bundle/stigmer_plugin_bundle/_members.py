"""The members of a bundle as stored: found by their label, and written only along with their bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import AlreadyExistsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stigmer_core import Change, Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_bundle._drafts import Member

MEMBER_KINDS = ("Skill", "McpServer", "Agent")  # in the order they are written: agents refer to the others
MOST_MEMBERS = 1_000
OWNER_LABEL = "stigmer.ai/plugin"  # the slug of the bundle
VERSION_LABEL = "stigmer.ai/plugin-version"  # what its manifest says, or else the digest


def members_in(reader: Reader, resources: Resources, bundle: Any) -> Iterator[tuple[Kind, Any]]:
    """Yield the members of a bundle, oldest first within a kind, in the order of `MEMBER_KINDS`."""
    metadata = bundle.metadata
    for kind in filter(None, map(resources.kinds.get, MEMBER_KINDS)):
        labels = {OWNER_LABEL: metadata.slug}
        rows = reader.page(kind.name, org=metadata.org, labels=labels, limit=MOST_MEMBERS)
        for row in reversed(rows):
            yield kind, kind.message.FromString(row.body)


def require_free(tx: Transaction, resources: Resources, members: Sequence[Member], bundle_slug: str) -> None:
    """Check that no member would take the slug of something that is not of the bundle.

    Raises:
        AlreadyExistsError: names all that would.
    """
    taken = [
        (member, found)
        for member in members
        if (found := _stored(tx, resources, member)) is not None
        and found.metadata.labels.get(OWNER_LABEL) != bundle_slug
    ]
    if taken:
        names = ", ".join(f"{one.kind.label()} '{one.draft.metadata.slug}'{_owner(found)}" for one, found in taken)
        message = f"bundle '{bundle_slug}' cannot be installed: {names} is there already and not of this bundle"
        raise AlreadyExistsError(message, resource_id=taken[0][1].metadata.id)


def write_members(tx: Transaction, resources: Resources, members: Sequence[Member], bundle: Any) -> None:
    """Create or update the members of a bundle, and delete those that it has no more."""
    kept = {(member.kind.name, member.draft.metadata.slug) for member in members}
    gone = [one for one in members_in(tx, resources, bundle) if (one[0].name, one[1].metadata.slug) not in kept]
    for member in members:
        _write(tx, resources, member, bundle)
    for kind, resource in reversed(gone):
        resources.delete_in(tx, kind, resource.metadata.id, cascading=True)


def set_member_visibility(tx: Transaction, resources: Resources, bundle: Any, level: int) -> None:
    """Give the members of a bundle its visibility: skills and MCP servers before the agents that refer to them."""
    for kind, member in members_in(tx, resources, bundle):
        if member.metadata.visibility != level:
            resources.set_visibility_in(tx, kind, member.metadata.id, level, manager=bundle.metadata.slug)


def delete_members(change: Change) -> None:
    """Delete the members of a bundle that goes, agents first (a `before_delete` step)."""
    for kind, member in reversed(list(members_in(change.tx, change.resources, change.old))):
        change.resources.delete_in(change.tx, kind, member.metadata.id, cascading=True)


def _write(tx: Transaction, resources: Resources, member: Member, bundle: Any) -> None:
    stored = _stored(tx, resources, member)
    if stored is None or resources.would_change(tx, member.kind, member.draft):
        member.draft.metadata.visibility = bundle.metadata.visibility
        stored = resources.apply_in(tx, member.kind, member.draft, manager=bundle.metadata.slug)
    labels = {OWNER_LABEL: bundle.metadata.slug, VERSION_LABEL: bundle.spec.version or bundle.status.digest}
    if any(stored.metadata.labels.get(key) != value for key, value in labels.items()):
        stored.metadata.labels.update(labels)
        resources.save_in(tx, member.kind, stored, slot=None)


def _stored(tx: Transaction, resources: Resources, member: Member) -> Any:
    metadata = member.draft.metadata
    return resources.find_in(tx, member.kind, metadata.org, metadata.slug)


def _owner(found: Any) -> str:
    owner = found.metadata.labels.get(OWNER_LABEL)
    return f" (of bundle '{owner}')" if owner else ""
