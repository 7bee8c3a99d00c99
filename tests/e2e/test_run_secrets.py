"""Secrets of a workflow: they reach what is called, and nothing else ever sees them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2
from stigmer_plugin_workflow.api.v1.documents_pb2 import ExecuteDocumentRequest

from stigmer_core.testing.installation import installation

QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
DOCUMENTS = "stigmer.workflow.v1.WorkflowDocumentController"
CANARY = "canary-0d4f66a1"


class Echo(BaseHTTPRequestHandler):
    """Answers whether the credentials came, without them."""

    seen = ""

    def do_GET(self):
        type(self).seen = self.headers.get("Authorization", "")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def echo():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home", network_allow=("127.0.0.1",)) as api:
        yield api


async def ran(api, *tasks, secrets=None, declared=("api",)):
    """Run tasks with secrets and return the last frame."""
    document = {
        "document": {"dsl": "1.0.3", "namespace": "n", "name": "secret", "version": "1.0.0"},
        "use": {"secrets": list(declared)},
        "do": [{f"t{index}": task} for index, task in enumerate(tasks)],
    }
    request = ExecuteDocumentRequest(document=json.dumps(document), secrets=secrets or {})
    run = await api.call(DOCUMENTS, "execute", request)
    stream = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    return [frame async for frame in api.stream(QUERY, "subscribe", stream)][-1]


def calling(uri, value):
    return {"call": "http", "with": {"method": "get", "endpoint": uri, "headers": {"Authorization": value}}}


@pytest.mark.parametrize(
    "case",
    [
        ("${ $secrets.api }", CANARY, CANARY),
        ('${ "Bearer " + $secrets.api.token }', json.dumps({"token": CANARY}), f"Bearer {CANARY}"),
        ('${ "Basic \\($secrets.api.list[1])" }', json.dumps({"list": ["a", CANARY]}), f"Basic {CANARY}"),
    ],
)
async def test_a_secret_reaches_the_call_and_no_file(api, echo, tmp_path, case):
    """Neither the journal, nor the status, nor the event log, nor a log line has it."""
    value, secret, sent = case
    frame = await ran(api, calling(echo, value), {"wait": {"milliseconds": 10}}, secrets={"api": secret})

    assert Echo.seen == sent
    assert frame.status.phase == 3, frame.status.error
    log = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=frame.metadata.id))
    assert CANARY not in str(frame) + str(log)
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert all(CANARY.encode() not in path.read_bytes() for path in files)


async def test_an_output_shows_no_secret(api):
    """Not even when the document puts it there."""
    frame = await ran(api, {"set": {"key": "${ $secrets.api }"}}, secrets={"api": CANARY})

    assert dict(frame.status.output) == {"key": "***REDACTED***"}


async def test_a_secret_that_was_not_given_faults_the_run(api):
    """The standard authorization error names it."""
    frame = await ran(api, {"set": {"a": 1}}, declared=("api", "other"), secrets={"api": "x"})

    assert "Authorization Error (403)" in frame.status.error
    assert "other" in frame.status.error


async def test_a_secret_that_is_not_declared_is_not_there(api):
    """Whatever the run was given."""
    frame = await ran(api, {"set": {"a": "${ $secrets.hidden }"}}, secrets={"api": "x", "hidden": CANARY})

    assert dict(frame.status.output) == {"a": None}
