"""What makes an artifact special: it is made with its content, which never changes."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.artifact.v1.enum_pb2 import storage_state_stored

from stigmer_core.errors import FailedPreconditionError, Problem
from stigmer_plugin_artifact._retention import check_days, expiry
from stigmer_plugin_artifact._store import hold, release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft, Kind
    from stigmer_core.store import Reader
    from stigmer_plugin_artifact._store import Blob

RUN_PATHS = ("spec.source.agent_execution_id", "spec.source.workflow_execution_id")
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110's word for a name
# It becomes a header of an HTTP answer: nothing but printable ASCII may be in it.
_CONTENT_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(\s*;[\x20-\x7e]*)?", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_RUNS = ("WorkflowExecution", "AgentExecution")
_SOURCE_CHARACTERS = 255


def check_spec(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with the description of content."""
    spec = draft.resource.spec
    problems = check_days(spec.retention.ttl_days)
    if not _CONTENT_TYPE.fullmatch(spec.content_type):
        problem = f"{spec.content_type!r} is no MIME type"
        problems.append(Problem("/spec/content_type", problem, "write it as in text/plain; charset=utf-8"))
    if _CONTROL.search(spec.display_name):
        problems.append(Problem("/spec/display_name", "has control characters", "a file name on one line"))
    for field, value in spec.source.ListFields():
        if len(value) > _SOURCE_CHARACTERS:
            at = f"/spec/source/{field.name}"
            problems.append(Problem(at, f"has {len(value)} characters", f"at most {_SOURCE_CHARACTERS}"))
    return problems


def require_content(change: Change) -> None:  # noqa: ARG001 - a step's shape
    """Refuse to write an artifact other than with its content, or to change one.

    Raises:
        FailedPreconditionError: always; `with_content` puts another step in its place.
    """
    raise FailedPreconditionError("an artifact is made with its content by the RPC create, and does not change")


def with_content(kind: Kind, blob: Blob) -> Kind:
    """Return the kind as it is for one new artifact, whose content is here."""
    return replace(kind, before_write=lambda change: keep_content(change, blob))


def keep_content(change: Change, blob: Blob) -> None:
    """Store the content of a new artifact, and what the server knows of it."""
    artifact, status = change.new, change.new.status
    artifact.metadata.org = _org_of_run(change.tx, artifact.spec.source) or artifact.metadata.org
    status.content_hash, status.size_bytes = blob.digest, len(blob.content)
    status.storage_state = storage_state_stored
    status.expires_at = expiry(artifact.spec.retention.ttl_days, change.now)
    hold(change.tx, artifact.metadata.id, artifact.metadata.org, blob, status.expires_at)


def drop_content(change: Change) -> None:
    """Let the content go with its record."""
    release(change.tx, change.old.metadata.id)


def _org_of_run(reader: Reader, source: Any) -> str:
    """Return the organisation of the run that made an artifact; empty when the run is not known here."""
    for run_id in (source.workflow_execution_id, source.agent_execution_id):
        row = reader.get(run_id)
        if row is not None and row.kind in _RUNS:
            return row.org
    return ""
