"""What happens to a resource before its transaction: copied, stripped of what a client may not say, named, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError, Problem
from stigmer_core.kind import Draft
from stigmer_core.resources.codec import copy_of
from stigmer_core.resources.references import complete_references
from stigmer_core.resources.slug import derive_slug, require_slug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.message import Message

    from stigmer_core.kind import Kind
    from stigmer_core.program import Runner

DEFAULT_ORG = "local"
RESERVED_PREFIX = "stigmer.ai/"
MANAGED_LABEL = "stigmer.ai/plugin"  # names the bundle that a resource came with


def prepare(kind: Kind, message: Message, runners: Mapping[str, Runner], *, creating: bool) -> Any:
    """Return a copy of a client's resource, ready for its transaction.

    Raises:
        InvalidArgumentError: it has no name, no valid slug, or the kind's own check found problems.
    """
    resource: Any = copy_of(message)
    resource.ClearField("status")
    metadata = resource.metadata
    resolve_slug(kind, metadata, creating=creating)
    if kind.org_scoped and not metadata.org:
        metadata.org = DEFAULT_ORG
    complete_references(resource)
    if kind.check is not None:
        problems = kind.check(Draft(kind, resource, creating, runners))
        if problems:
            raise InvalidArgumentError("; ".join(str(problem) for problem in problems), problems=problems)
    return resource


def resolve_slug(kind: Kind, metadata: Any, *, creating: bool) -> None:
    """Fill the slug from the name, or check the one that is given.

    Raises:
        InvalidArgumentError: neither is given, or what is given is no slug.
    """
    if metadata.slug:
        require_slug(metadata.slug)
    elif metadata.name:
        metadata.slug = derive_slug(metadata.name)
    elif creating:
        message = f"{kind.label()} needs a name"
        raise InvalidArgumentError(message, problems=[Problem("/metadata/name", "is required")])
    elif not metadata.id:
        raise InvalidArgumentError("resource id or slug is required for update")
    if not metadata.name:
        metadata.name = metadata.slug


def guard_labels(resource: Any, old: Any) -> None:
    """Refuse labels of the platform that the stored resource does not have already.

    Raises:
        InvalidArgumentError: names the label.
    """
    for key, value in resource.metadata.labels.items():
        if key.startswith(RESERVED_PREFIX) and (old is None or old.metadata.labels.get(key) != value):
            raise InvalidArgumentError(
                f"label {key} is reserved: labels that start with {RESERVED_PREFIX} are set by the server",
                problems=[Problem(f"/metadata/labels/{key.replace('/', '~1')}", "is a reserved label")],
            )


def require_unmanaged(kind: Kind, resource: Any, manager: str) -> None:
    """Refuse to change what came with a bundle other than with it.

    Args:
        kind: of the resource.
        resource: as it is stored.
        manager: the slug of the bundle that asks, or nothing.

    Raises:
        FailedPreconditionError: it belongs to another bundle; names it.
    """
    bundle = resource.metadata.labels.get(MANAGED_LABEL, "")
    if bundle and bundle != manager:
        raise FailedPreconditionError(
            f"{kind.label()} '{resource.metadata.slug}' came with the bundle '{bundle}' and changes with it only:"
            " push or delete the bundle"
        )
