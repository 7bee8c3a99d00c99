"""What makes workflows and their instances special: three layers of validation, and versions by content."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.serverless.validation_pb2 import ValidationState

from stigmer_core.errors import NotFoundError, Problem
from stigmer_core.resources import DefaultInstances
from stigmer_core.store import Version
from stigmer_plugin_workflow._extent import too_large
from stigmer_plugin_workflow._scheduling import arrange
from stigmer_plugin_workflow.translation.document import DOCUMENT_ANNOTATION, dsl_document
from stigmer_plugin_workflow.translation.refusal import UntranslatableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core import Change, Draft
    from stigmer_core.program import Json, Runner
    from stigmer_core.store import Transaction

RUNNER = "workflow"
INSTANCES = DefaultInstances("Workflow", "WorkflowInstance", "workflow_id")


def check_workflow(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with a workflow: its shape, its translation, and what the runner says of the document."""
    workflow = draft.resource
    if not workflow.spec.tasks and DOCUMENT_ANNOTATION not in workflow.metadata.annotations:
        return [Problem("/spec/tasks", "a workflow needs at least one task")]
    large = too_large(len(workflow.spec.tasks), "/spec/tasks")
    if large:
        return large
    try:
        document = dsl_document(workflow)
    except UntranslatableError as error:
        return error.problems
    problems = check_document(document, draft.runners)
    if DOCUMENT_ANNOTATION in workflow.metadata.annotations:
        return problems
    return [_in_manifest(problem) for problem in problems]


def check_document(document: Json, runners: Mapping[str, Runner]) -> Sequence[Problem]:
    """Return what the runner finds wrong with a DSL document; nothing when no runner is installed."""
    runner = runners.get(RUNNER)
    return runner.check(document) if runner is not None and runner.check is not None else []


def stamp_version(change: Change) -> None:
    """Fill the status of a workflow from its document (a `before_write` step)."""
    workflow = change.new
    text = canonical_yaml(dsl_document(workflow))
    digest = hashlib.sha256(text.encode()).hexdigest()
    status, version = workflow.status, workflow.metadata.version
    if status.version_hash and status.version_hash != digest:
        version.previous_version_id = status.version_hash
    version.id = status.version_hash = digest
    validation = status.serverless_workflow_validation
    validation.Clear()
    validation.state, validation.yaml = ValidationState.VALID, text
    validation.validated_at.FromDatetime(change.now)


def keep_version(change: Change) -> None:
    """Keep a new version, tag it as asked, make sure of the default instance, and of the schedule (`after_write`)."""
    workflow, tx = change.new, change.tx
    tag = workflow.metadata.version.tag
    INSTANCES.ensure(change)
    tx.put_version(workflow.metadata.id, _version(workflow, change))
    arrange(change)
    if tag:
        tag_version(tx, workflow, workflow.status.version_hash, tag)


def tag_version(tx: Transaction, workflow: Any, digest: str, tag: str) -> None:
    """Give a version a tag, taking it from whichever version had it.

    Raises:
        NotFoundError: the workflow has no such version.
    """
    if tx.version(workflow.metadata.id, hash=digest) is None:
        raise NotFoundError("Workflow version", digest)
    tx.tag_version(workflow.metadata.id, digest, tag)


def canonical_yaml(document: Json) -> str:
    """Return a document as YAML that does not depend on the order of its keys."""
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=True, width=120)


def document_of(workflow: Any) -> dict[str, Json]:
    """Return the DSL document of a stored workflow: to read, not to change."""
    return _document(workflow.SerializeToString(deterministic=True))


@lru_cache(maxsize=16)  # a run is started with it: of a workflow of twenty tasks this is half a millisecond
def _document(stored: bytes) -> dict[str, Json]:
    return json.loads(json.dumps(dsl_document(Workflow.FromString(stored))))  # type: ignore[no-any-return]


def _version(workflow: Any, change: Change) -> Version:
    return Version(
        resource_id=workflow.metadata.id,
        hash=workflow.status.version_hash,
        tag="",
        message=workflow.metadata.version.message,
        body=workflow.SerializeToString(deterministic=True),
        created_at=change.now,
        created_by=change.actor,
        sequence=0,
    )


def _in_manifest(problem: Problem) -> Problem:
    """Move a pointer into the DSL document (`/do/0/fetch/...`) to the manifest's task (`/spec/tasks/0/task_config`)."""
    parts = problem.pointer.split("/")
    if parts[1:2] == ["document"]:
        return Problem(f"/spec{problem.pointer}", problem.message, problem.hint)
    if len(parts) < 3 or parts[1] != "do":  # noqa: PLR2004 - "", "do", index
        return problem
    rest = "/".join(parts[4:])
    message = f"{problem.message} (at {rest})" if rest else problem.message
    return Problem(f"/spec/tasks/{parts[2]}/task_config", message, problem.hint)
