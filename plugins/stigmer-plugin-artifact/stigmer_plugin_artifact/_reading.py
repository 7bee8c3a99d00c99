"""Which content can be read, and under which path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.artifact.v1.enum_pb2 import storage_state_deleted

from stigmer_core.errors import FailedPreconditionError
from stigmer_plugin_artifact._retention import has_expired

if TYPE_CHECKING:
    from datetime import datetime

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader


def readable_in(reader: Reader, kind: Kind, resources: Resources, artifact_id: str, now: datetime) -> Any:
    """Return an artifact whose content can be read.

    Raises:
        NotFoundError: there is no such artifact.
        FailedPreconditionError: its content was deleted or has expired, whether or not it is swept away yet.
    """
    artifact = resources.get_in(reader, kind, artifact_id)
    status = artifact.status
    if has_expired(status.expires_at, now):
        raise FailedPreconditionError(f"the content of artifact {artifact_id} expired at {status.expires_at}")
    if status.storage_state == storage_state_deleted:
        raise FailedPreconditionError(f"the content of artifact {artifact_id} was deleted")
    return artifact


def download_path(artifact_id: str) -> str:
    """Return the path under which the HTTP host serves an artifact's content."""
    return f"/artifacts/{artifact_id}"
