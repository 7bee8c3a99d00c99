"""What makes bundles special: their members go with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_plugin_bundle._members import delete_members
from stigmer_plugin_bundle._store import delete_archives

if TYPE_CHECKING:
    from stigmer_core import Change


def forget_bundle(change: Change) -> None:
    """Delete what goes with a bundle: its members and archives (a `before_delete` step)."""
    delete_members(change)
    delete_archives(change.tx, change.old.metadata.id)
