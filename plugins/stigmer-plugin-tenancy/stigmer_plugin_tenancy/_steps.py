"""What makes an organization special: it is not deleted while it owns something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError

if TYPE_CHECKING:
    from stigmer_core import Change


def require_empty(change: Change) -> None:
    """Refuse to delete an organization that still owns resources.

    Raises:
        FailedPreconditionError: says how many of which kind.
    """
    org = change.old.metadata.id
    owned = {kind: change.tx.count(kind, org=org) for kind in change.tx.kinds()}
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(owned.items()) if count)
    if counts:
        raise FailedPreconditionError(f"organization '{org}' still owns {counts}: delete these first")
