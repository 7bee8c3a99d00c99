"""The calls behind the run commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.io_pb2 import WorkflowId
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.commons.apiresource.apiresourcekind.api_resource_kind_pb2 import ApiResourceKind
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference
from google.protobuf import json_format

from stigmer_core.api.v1 import resources_pb2
from stigmer_core.cli import ExitCode, Failure, Table, fail, read_manifests, resumed
from stigmer_plugin_workflow.api.v1 import documents_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from google.protobuf.message import Message

    from stigmer_core.cli import Session
    from stigmer_core.program import Json

    M = TypeVar("M", bound=Message)

API_VERSION = "agentic.stigmer.ai/v1"
_WORKFLOWS = "/ai.stigmer.agentic.workflow.v1.WorkflowQueryController"
_COMMANDS = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
_QUERIES = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
_DOCUMENTS = "/stigmer.workflow.v1.WorkflowDocumentController"
_ID_PREFIX = "wex_"
_WORDS = ("workflow", "workflows", "wf", "wfl")


def read_secrets(file: str) -> dict[str, str]:
    """Return the secrets in a file, by name; one with parts as JSON."""
    manifests = read_manifests([file])
    value = manifests[0].value if len(manifests) == 1 else None
    if not isinstance(value, dict):
        fail(ExitCode.USAGE, f"{file} is no object of secrets", hint="NAME: value, a line each; or NAME: {part: value}")
    return {str(name): one if isinstance(one, str) else json.dumps(one) for name, one in value.items()}


def start(session: Session, target: str, payload: Json, secrets: Mapping[str, str]) -> WorkflowExecution:
    """Start a stored workflow that a name, `workflow/NAME` or an id names."""
    workflow = _workflow(session, target)
    execution = WorkflowExecution(api_version=API_VERSION, kind="WorkflowExecution")
    execution.metadata.org = workflow.metadata.org
    execution.spec.workflow_id = workflow.metadata.id
    execution.spec.trigger_message = json.dumps(payload)
    for name, value in secrets.items():
        execution.spec.runtime_env[name].value, execution.spec.runtime_env[name].is_secret = value, True
    return session.connection().call(f"{_COMMANDS}/create", execution, WorkflowExecution)


def execute(session: Session, file: str, payload: Json, secrets: Mapping[str, str]) -> WorkflowExecution:
    """Run a document that is not stored; what is wrong with it is said at its line."""
    manifests = read_manifests([file])
    if len(manifests) != 1:
        fail(ExitCode.USAGE, f"{file} has {len(manifests)} documents, a run takes one")
    manifest = manifests[0]
    document = json.dumps(manifest.value)
    request = documents_pb2.ValidateDocumentRequest(document=document)
    checked = session.connection().call(f"{_DOCUMENTS}/validate", request, documents_pb2.ValidateDocumentResponse)
    if checked.problems:
        for problem in checked.problems:
            session.note(manifest_problem(manifest, problem))
        fail(ExitCode.USAGE, f"{file} cannot run: {len(checked.problems)} problem(s)")
    started = documents_pb2.ExecuteDocumentRequest(
        document=document, input=json.dumps(payload), org=session.org, secrets=secrets
    )
    return session.connection().call(f"{_DOCUMENTS}/execute", started, WorkflowExecution)


def manifest_problem(manifest: Any, problem: Any) -> str:
    """Return a problem as `file:line:column: error: text`."""
    line, column = manifest.locate(problem.pointer)
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{manifest.source}:{line}:{column}: error: {problem.message}{hint}"


def get(session: Session, run: str) -> WorkflowExecution:
    """Return a run by its name or id, also written `workflowexecution/NAME`."""
    wanted = io_pb2.WorkflowExecutionId(value=run_id_of(session, run))
    return _of_run(session, f"{_QUERIES}/get", wanted, WorkflowExecution)


def run_id_of(session: Session, run: str) -> str:
    """Return the id of a run that its name or id names, also written `workflowexecution/NAME`."""
    name = run.rpartition("/")[2]
    if name.startswith(_ID_PREFIX):
        return name
    wanted = resources_pb2.GetRequest(kind="WorkflowExecution", name=name, org=session.org)
    return _of_run(session, "/stigmer.core.v1.ResourceService/Get", wanted, resources_pb2.Document).id


def _of_run(session: Session, path: str, request: Message, response: type[M]) -> M:
    try:
        return session.connection().call(path, request, response)
    except Failure as failure:
        failure.hint = failure.hint or "stigmer runs list"
        raise


def listed(session: Session, *, workflow: str | None, phase: str | None, limit: int) -> Sequence[WorkflowExecution]:
    """Return the latest runs."""
    criteria = io_pb2.ExecutionFilterCriteria(phases=[_phase(phase)] if phase else [])
    if workflow:
        request: Any = io_pb2.ListWorkflowExecutionsByWorkflowRequest(
            workflow_id=_workflow(session, workflow).metadata.id, page_size=limit, filter=criteria
        )
        path = f"{_QUERIES}/listByWorkflow"
    else:
        request = io_pb2.ListWorkflowExecutionsRequest(page_size=limit, org=session.org, filter=criteria)
        path = f"{_QUERIES}/list"
    return session.connection().call(path, request, io_pb2.WorkflowExecutionList).entries


def events(session: Session, execution_id: str, *, after: int, follow: bool) -> Iterator[Any]:
    """Yield a run's events in order; with `follow` until the run has ended, over restarts of the server."""
    from ai.stigmer.agentic.workflowexecution.v1.event_pb2 import WorkflowExecutionEvent  # noqa: PLC0415

    def begin() -> Iterator[Any]:
        nonlocal after
        request = io_pb2.SubscribeEventsRequest(execution_id=execution_id, after_sequence=after)
        for event in session.connection().stream(f"{_QUERIES}/subscribeEvents", request, WorkflowExecutionEvent):
            after = event.sequence_number
            yield event

    if follow:
        yield from resumed(begin)
        return
    while True:
        page = session.connection().call(
            f"{_QUERIES}/getEventLog",
            io_pb2.GetEventLogRequest(execution_id=execution_id, after_sequence=after),
            io_pb2.GetEventLogResponse,
        )
        yield from page.events
        if not page.has_more:
            return
        after = page.events[-1].sequence_number


def cancel(session: Session, execution_id: str, reason: str) -> WorkflowExecution:
    """Cancel a run."""
    request = io_pb2.CancelWorkflowExecutionInput(id=execution_id, reason=reason)
    return _of_run(session, f"{_COMMANDS}/cancel", request, WorkflowExecution)


def pause(session: Session, execution_id: str, reason: str) -> WorkflowExecution:
    """Put a run on hold."""
    request = io_pb2.PauseWorkflowExecutionInput(id=execution_id, reason=reason)
    return _of_run(session, f"{_COMMANDS}/pause", request, WorkflowExecution)


def resume(session: Session, execution_id: str) -> WorkflowExecution:
    """Let a run that is on hold go on."""
    request = io_pb2.ResumeWorkflowExecutionInput(id=execution_id)
    return _of_run(session, f"{_COMMANDS}/resume", request, WorkflowExecution)


def recover(session: Session, execution_id: str) -> WorkflowExecution:
    """Let a failed run go on."""
    request = io_pb2.RecoverWorkflowExecutionInput(id=execution_id)
    return _of_run(session, f"{_COMMANDS}/recover", request, WorkflowExecution)


def signal(session: Session, execution_id: str, name: str, payload: Mapping[str, Json]) -> WorkflowExecution:
    """Send a run a signal."""
    request = io_pb2.SendSignalInput(execution_id=execution_id, signal_name=name)
    request.payload.update(payload)
    return _of_run(session, f"{_COMMANDS}/sendSignal", request, WorkflowExecution)


def answer(
    session: Session, execution_id: str, task: str, outcome: str, *, form: Mapping[str, Json], comment: str
) -> WorkflowExecution:
    """Answer a task that waits for a person."""
    request = io_pb2.SubmitWorkflowTaskApprovalInput(
        execution_id=execution_id, task_name=task, outcome=outcome, comment=comment
    )
    request.form_data.update(form)
    return session.connection().call(f"{_COMMANDS}/submitWorkflowTaskApproval", request, WorkflowExecution)


def as_json(message: Message) -> dict[str, Any]:
    """Return a message as proto3 JSON."""
    return json_format.MessageToDict(message)


def output_of(execution: WorkflowExecution) -> Json:
    """Return a run's output; one that is no object is carried as `{"$value": ...}`."""
    from stigmer_plugin_workflow.translation.values import plain  # noqa: PLC0415

    output = plain(json_format.MessageToDict(execution.status.output))
    return output["$value"] if isinstance(output, dict) and list(output) == ["$value"] else output


def phase_word(execution: WorkflowExecution) -> str:
    """Return the phase as a person says it."""
    return enum_pb2.ExecutionPhase.Name(execution.status.phase).removeprefix("EXECUTION_").lower()


def table(executions: Sequence[WorkflowExecution]) -> Table:
    """Return runs as a table."""
    rows = [
        [one.metadata.name, phase_word(one), one.status.started_at, one.metadata.id, one.status.error]
        for one in executions
    ]
    return Table(["NAME", "PHASE", "STARTED", "ID", "ERROR"], rows)


def _workflow(session: Session, target: str) -> Workflow:
    kind, _, name = target.rpartition("/")
    if kind and kind.lower() not in _WORDS:
        fail(ExitCode.USAGE, f"nothing here runs a {kind}", hint="stigmer run workflow/NAME")
    connection = session.connection()
    try:
        if name.startswith("wfl_"):
            return connection.call(f"{_WORKFLOWS}/get", WorkflowId(value=name), Workflow)
        reference = ApiResourceReference(org=session.org, kind=ApiResourceKind.workflow, slug=name)
        return connection.call(f"{_WORKFLOWS}/getByReference", reference, Workflow)
    except Failure as failure:
        if failure.exit_code == ExitCode.NOT_FOUND:
            fail(ExitCode.NOT_FOUND, f"workflow not found: {name}", hint="stigmer get workflows")
        raise


def _phase(word: str) -> enum_pb2.ExecutionPhase.ValueType:
    name = word.upper() if word.upper().startswith("EXECUTION_") else f"EXECUTION_{word.upper()}"
    if name not in enum_pb2.ExecutionPhase.keys():  # noqa: SIM118 - an enum wrapper, not a dict
        known = ", ".join(one.removeprefix("EXECUTION_").lower() for one in list(enum_pb2.ExecutionPhase.keys())[1:])
        fail(ExitCode.USAGE, f"there is no phase {word}", hint=known)
    return enum_pb2.ExecutionPhase.Value(name)
