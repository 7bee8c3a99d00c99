"""The RPCs of Workflow and WorkflowInstance beyond the generic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1 import version_pb2
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.serverless.validation_pb2 import ServerlessWorkflowValidation, ValidationState
from ai.stigmer.agentic.workflowinstance.v1 import io_pb2 as instance_pb2

from stigmer_core.errors import InvalidArgumentError, NotFoundError
from stigmer_core.resources import numbered_page, page_size, page_token, spliced, token_position
from stigmer_plugin_workflow._steps import INSTANCES, canonical_yaml, tag_version
from stigmer_plugin_workflow.translation.document import dsl_document

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader, Transaction, Version

_PAGE_CAP = 100


class WorkflowCommands:
    """Serves `validateSpec` and `tagVersion`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def validate_spec(self, request: Workflow) -> ServerlessWorkflowValidation:
        """Return whether a workflow could be stored, and its canonical document; writes nothing."""
        try:
            draft = self._resources.prepare(self._kind, request, creating=True)
        except InvalidArgumentError as error:
            problems = [str(problem) for problem in error.problems] or [error.message]
            return ServerlessWorkflowValidation(state=ValidationState.INVALID, errors=problems)
        text = canonical_yaml(dsl_document(draft))
        validation = ServerlessWorkflowValidation(state=ValidationState.VALID, yaml=text)
        validation.validated_at.GetCurrentTime()
        return validation

    async def tag_version(self, request: Any) -> Any:
        """Give a version a tag, taking it from whichever version had it.

        Raises:
            NotFoundError: there is no such workflow, or it has no such version.
        """

        def tag(tx: Transaction) -> Any:
            workflow = self._resources.get_in(tx, self._kind, request.workflow_id)
            tag_version(tx, workflow, request.version_hash, request.tag)
            return workflow

        return await self._resources.store.run(tag)


class WorkflowQueries:
    """Serves `listVersions` and `getVersion`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def list_versions(self, request: Any) -> version_pb2.ListWorkflowVersionsResponse:
        """Return a workflow's versions, newest first; without a page size all of them, up to 100."""
        size = page_size(request, default=_PAGE_CAP, most=_PAGE_CAP)
        before = token_position(request)
        versions: version_pb2.ListWorkflowVersionsResponse = self._store.read(
            lambda reader: self._versions(reader, request, size, before)
        )
        return versions

    async def get_version(self, request: Any) -> Any:
        """Return one version by its hash.

        Raises:
            NotFoundError: there is none.
        """

        def entry(reader: Reader) -> Any:
            version = reader.version(request.workflow_id, hash=request.version_hash)
            head = reader.get(request.workflow_id)
            if version is None or head is None or head.kind != self._kind.name:
                raise NotFoundError("Workflow version", request.version_hash)
            return _entry(version, Workflow.FromString(head.body).status.version_hash)

        return self._store.read(entry)

    def _versions(self, reader: Reader, request: Any, size: int, before: int | None) -> Any:
        row = reader.find(self._kind.name, request.org, request.slug)
        if row is None:
            raise NotFoundError("Workflow", request.slug, f"Workflow not found: {request.org}/{request.slug}")
        head = Workflow.FromString(row.body).status.version_hash
        versions = reader.versions(row.id, before=before, limit=size + 1)
        more = page_token(request, versions[size - 1].sequence) if len(versions) > size else ""
        return version_pb2.ListWorkflowVersionsResponse(
            versions=[_entry(version, head) for version in versions[:size]],
            next_page_token=more,
            total_count=reader.count_versions(row.id),
        )


class InstanceCommands:
    """Serves `updateVisibility` and `updateExecutionVisibility`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def update_visibility(self, request: Any) -> Any:
        """Change who sees an instance; a default one has no visibility of its own."""
        return await INSTANCES.update_visibility(self._resources, request)

    async def update_execution_visibility(self, request: Any) -> Any:
        """Change who sees the executions of an instance."""

        def change(tx: Transaction) -> Any:
            instance = self._resources.get_in(tx, self._kind, request.resource_id)
            instance.spec.execution_visibility = request.execution_visibility
            return self._resources.save_in(tx, self._kind, instance)

        return await self._resources.store.run(change)


class InstanceQueries:
    """Serves `getByWorkflow`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def get_by_workflow(self, request: Any) -> Encoded:
        """Return a page of a workflow's instances, newest first."""
        page = numbered_page(request.page_info)
        where: dict[str, Any] = {"org": request.org or None, "index": ("spec.workflow_id", request.workflow_id)}
        rows, total = self._store.read(
            lambda reader: (
                reader.page(self._kind.name, limit=page.size, offset=page.offset, **where),
                reader.count(self._kind.name, **where),
            )
        )
        return spliced(instance_pb2.WorkflowInstanceList(total_pages=page.total_pages(total)), "entries", rows)


def _entry(version: Version, head: str) -> Any:
    workflow = Workflow.FromString(version.body)
    entry = version_pb2.WorkflowVersionEntry(
        version_hash=version.hash,
        tag=version.tag,
        message=version.message,
        is_current=version.hash == head,
        validated_yaml=workflow.status.serverless_workflow_validation.yaml,
    )
    entry.applied_at.FromDatetime(version.created_at)
    entry.applied_by.id = version.created_by
    return entry
