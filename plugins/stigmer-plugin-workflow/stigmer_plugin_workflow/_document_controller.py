"""`stigmer.workflow.v1.WorkflowDocumentController`: check or run a document without storing it under a name."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.resources.json_text import read_json
from stigmer_core.resources.manifest import message_of
from stigmer_plugin_workflow._adopt import adopt_dsl
from stigmer_plugin_workflow._creation import Plan
from stigmer_plugin_workflow._steps import canonical_yaml, document_of
from stigmer_plugin_workflow.api.v1 import documents_pb2 as pb

if TYPE_CHECKING:
    from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow

    from stigmer_core import Kind
    from stigmer_plugin_workflow._creation import Executions

DOCUMENT_ANNOTATION = "stigmer.ai/executed-document"


class DocumentController:
    """Serves `validate` and `execute`."""

    def __init__(self, workflow: Kind, execution: Kind, executions: Executions) -> None:
        self._workflow = workflow
        self._execution = execution
        self._executions = executions
        self._resources = executions.resources

    async def validate(self, request: pb.ValidateDocumentRequest) -> pb.ValidateDocumentResponse:
        """Return what is wrong with a DSL document or a Workflow manifest."""
        try:
            self._parsed(request.document)
        except InvalidArgumentError as error:
            problems = error.problems or [Problem("", error.message)]
            found = [pb.DocumentProblem(pointer=p.pointer, message=p.message, hint=p.hint) for p in problems]
            return pb.ValidateDocumentResponse(problems=found)
        return pb.ValidateDocumentResponse()

    async def execute(self, request: pb.ExecuteDocumentRequest) -> Any:
        """Run a document; the execution keeps the hash of what ran, the run itself the document.

        Raises:
            InvalidArgumentError: the document or the input is no good.
        """
        self._executions.gate.require_ready()
        workflow = self._parsed(request.document)
        document = document_of(workflow)
        digest = hashlib.sha256(canonical_yaml(document).encode()).hexdigest()
        draft = self._resources.prepare(self._execution, self._drafted(request, workflow), creating=True)
        plan = Plan(document, digest)
        return await self._resources.store.run(lambda tx: self._executions.start_in(tx, draft, plan))

    def _drafted(self, request: pb.ExecuteDocumentRequest, workflow: Any) -> Any:
        execution = WorkflowExecution(api_version=self._execution.api_version, kind=self._execution.name)
        execution.metadata.org = request.org
        execution.metadata.annotations[DOCUMENT_ANNOTATION] = workflow.metadata.name
        execution.spec.trigger_message = request.input
        for name, value in request.secrets.items():
            execution.spec.runtime_env[name].value, execution.spec.runtime_env[name].is_secret = value, True
        if request.input and not isinstance(read_json(request.input, "input"), (dict, list)):
            raise InvalidArgumentError("the input of a run is a JSON object or list")
        return self._executions.named(execution, workflow.metadata.slug)

    def _parsed(self, text: str) -> Any:
        document = read_json(text, "document")
        manifest = adopt_dsl(document) or document
        if not isinstance(manifest, dict) or manifest.get("kind") != "Workflow":
            message = "is neither a Workflow manifest nor a DSL document with `document` and `do`"
            raise InvalidArgumentError(f"the document {message}", problems=[Problem("", message)])
        message = message_of(manifest, self._workflow)
        self._resources.validate(message)
        workflow: Workflow = self._resources.prepare(self._workflow, message, creating=True)
        return workflow
