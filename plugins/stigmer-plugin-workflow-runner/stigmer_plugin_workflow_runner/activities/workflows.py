"""The activities `find_workflow` and `start_workflow`: stored workflows, for `run: workflow` tasks."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.failures import failed, misconfigured
from stigmer_plugin_workflow_runner.wiring import root_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stigmer_core.kind import Kind
    from stigmer_core.program import ActivityContext, Json
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader
    from stigmer_plugin_workflow_runner.wiring import Wiring

LATEST = "latest"
VERSIONS = 200  # of one workflow, the newest ones, among which an earlier version is looked for
_PAGE = 200
_CREATE = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController/create"


class FindWorkflow:
    """Finds the document of a stored workflow of the run's organisation."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Return `{"document": …}`.

        Raises:
            ActivityError: there is no such workflow, as the standard configuration error.
        """
        import yaml  # noqa: PLC0415 - only for those that run workflows

        resources = _resources(self._wiring)
        workflow = resources.store.read(lambda reader: _found(reader, resources, arguments, context))
        return {"document": yaml.safe_load(workflow.status.serverless_workflow_validation.yaml)}


class StartWorkflow:
    """Starts a stored workflow of the run's organisation as an execution of its own."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Return `{"execution": its id}`; a repeated call starts nothing a second time.

        Raises:
            ActivityError: there is no such workflow, its version is not the current one, or it cannot be started.
        """
        resources, channel = _resources(self._wiring), self._wiring.channel
        workflow = resources.store.read(lambda reader: _found(reader, resources, arguments, context))
        kind = resources.kind("WorkflowExecution")
        current = resources.store.read(lambda reader: reader.get(workflow.metadata.id))
        if channel is None or current is None or _version_of(resources, current.body) != workflow.status.version_hash:
            raise misconfigured("a workflow that is not awaited runs in its current version only")
        execution = _execution(kind, workflow, arguments["input"], context)
        slug = execution.metadata.name
        made = await _created(channel, kind, execution)
        if made is None:
            made = resources.store.read(lambda reader: resources.find_in(reader, kind, workflow.metadata.org, slug))
        return {"execution": made.metadata.id if made is not None else ""}


def _resources(wiring: Wiring) -> Resources:
    if wiring.resources is None or "Workflow" not in wiring.resources.kinds:
        raise misconfigured("no workflows are stored here: pip install stigmer-plugin-workflow")
    return wiring.resources


def _found(reader: Reader, resources: Resources, wanted: Json, context: ActivityContext) -> Any:
    """Return a workflow by its document's namespace, name and version; of several the latest, then the newest."""
    kind = resources.kind("Workflow")
    shown = reader.get(root_run(context.run_id))
    org = shown.org if shown is not None else ""
    if "slug" in wanted:
        return _at_slug(reader, kind, str(wanted.get("org") or org), wanted["slug"])
    heads = [one for one in _workflows(reader, kind, org) if _is_named(one, wanted)]
    if wanted["version"] == LATEST and heads:
        return max(heads, key=lambda head: _order(head.spec.document.version))
    earlier = (
        kind.message.FromString(version.body)
        for head in heads
        for version in reader.versions(head.metadata.id, limit=VERSIONS)
    )
    for workflow in (*heads, *earlier):
        if workflow.spec.document.version == wanted["version"]:
            return workflow
    reference = f"{wanted['namespace']}/{wanted['name']}:{wanted['version']}"
    raise misconfigured(f"there is no workflow {reference} in the organisation {org!r}")


def _at_slug(reader: Reader, kind: Kind, org: str, slug: str) -> Any:
    row = reader.find(kind.name, org, slug)
    if row is None:
        raise misconfigured(f"there is no workflow {slug!r} in the organisation {org!r}")
    return kind.message.FromString(row.body)


def _workflows(reader: Reader, kind: Kind, org: str) -> Iterator[Any]:
    before: int | None = None
    while rows := reader.page(kind.name, org=org, before=before, limit=_PAGE):
        yield from (kind.message.FromString(row.body) for row in rows)
        before = rows[-1].sequence


def _is_named(workflow: Any, wanted: Json) -> bool:
    document = workflow.spec.document
    return bool(document.namespace == wanted["namespace"] and document.name == wanted["name"])


def _order(version: str) -> tuple[tuple[int, ...], bool]:
    """Return what orders versions as semantic versioning does, as far as that is needed: 1.2.0-rc before 1.2.0."""
    release, dash, _ = version.partition("+")[0].partition("-")
    return tuple(int(part) for part in re.findall(r"\d+", release)), not dash


def _version_of(resources: Resources, body: bytes) -> str:
    message: Any = resources.kind("Workflow").message.FromString(body)
    return str(message.status.version_hash)


def _execution(kind: Kind, workflow: Any, value: Json, context: ActivityContext) -> Any:
    """Return the request; its name is the same for a repeated call."""
    digest = hashlib.sha256(f"{context.run_id}\n{context.command_key}".encode()).hexdigest()
    execution: Any = kind.message(api_version=kind.api_version, kind=kind.name)
    execution.metadata.name = f"{workflow.metadata.slug}-{digest[:12]}"
    execution.metadata.org = workflow.metadata.org
    execution.spec.workflow_id = workflow.metadata.id
    execution.spec.trigger_message = json.dumps(value)
    return execution


async def _created(channel: Any, kind: Kind, execution: Any) -> Any:
    """Return the new execution, or None when an earlier call has made it."""
    import grpc  # noqa: PLC0415 - with the server

    call = channel.unary_unary(_CREATE, type(execution).SerializeToString, kind.message.FromString)
    try:
        return await call(execution)
    except grpc.aio.AioRpcError as error:
        if error.code() == grpc.StatusCode.ALREADY_EXISTS:
            return None
        detail = f"the workflow cannot be started: {error.details()}"
        retryable = error.code() == grpc.StatusCode.UNAVAILABLE
        raise failed(500, detail, retryable=retryable) from error


__all__ = ["FindWorkflow", "StartWorkflow"]
