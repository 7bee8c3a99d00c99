"""Loops of the API that go several items at a time, over the API."""

from __future__ import annotations

import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from google.protobuf import json_format
from stigmer_plugin_workflow._trace import trace_lines

from stigmer_core.testing.installation import installation

sys.path.append(str(Path(__file__).parent))
from test_workflow_tasks import ended, until

WORKFLOW = "ai.stigmer.agentic.workflow.v1.WorkflowCommandController"
COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
NOTE = {"name": "note", "kind": "set_vars", "task_config": {"variables": {"n": "${ $n }"}}}


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home", network_allow=("127.0.0.1",)) as api:
        yield api


class Shop(ThreadingHTTPServer):
    """Answers with the number it is asked for, once so many have asked; notes what it was asked, under which key."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked, self.is_broken, self.together, self.open = [], False, 1, threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.server.asked.append((body, self.headers["idempotency-key"]))
        if len(self.server.asked) >= self.server.together:
            self.server.open.set()
        is_wrong = self.server.is_broken and '"n":2' in body
        self.send_response(200 if self.server.open.wait(30) and not is_wrong else 500)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def shop():
    server = Shop()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.open.set()
    server.shutdown()
    server.server_close()


async def started(api, *tasks, **options):
    """Start a run of one loop over 1 to 4."""
    made = Workflow(api_version="agentic.stigmer.ai/v1", kind="Workflow")
    made.metadata.name, made.metadata.org = "loop", "local"
    header = made.spec.document
    header.dsl, header.namespace, header.name, header.version = "1.0.0", "n", "loop", "1.0.0"
    config = {"each": "n", "in": "${ [1, 2, 3, 4] }", "do": list(tasks), **options}
    json_format.ParseDict(config, made.spec.tasks.add(name="each", kind=WorkflowTaskKind.for_each).task_config)
    workflow = await api.call(WORKFLOW, "create", made)
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", workflow.metadata.id
    return await api.call(COMMAND, "create", asked)


def output(frame):
    return json_format.MessageToDict(frame.status.output)["$value"]


def calling(shop):
    config = {"method": "POST", "endpoint": {"uri": shop.url}, "body": {"n": "${ $n }"}}
    return {"name": "sell", "kind": "http_call", "task_config": config}


async def test_errors_are_in_the_output_at_their_places(api):
    """With their details; the loop completes, and so does the run."""
    fails = {"name": "fails", "kind": "raise_error", "task_config": {"error": "No", "message": "not ${ $n }"}}
    cases = {"name": "odd", "kind": "switch_case",
             "task_config": {"cases": [{"name": "two", "when": "$n == 2", "then": "fails"},
                                       {"name": "other", "then": "note"}]}}  # fmt: skip
    last = {**NOTE, "flow": {"then": "exit"}}
    done = await ended(
        api, await started(api, cases, last, fails, max_parallelism=4, batch_size=4, on_error="FOR_EACH_CONTINUE")
    )

    first, error, *rest = output(done)
    assert [first, *rest] == [{"n": 1}, {"n": 3}, {"n": 4}]
    assert (error["__index"], error["__error"]["title"], error["__error"]["detail"]) == (1, "No", "not 2")


async def test_calls_are_made_side_by_side(api, shop):
    """None is answered before three are under way; each has its own key."""
    shop.together = 3

    done = await ended(api, await started(api, calling(shop), max_parallelism=3))

    assert output(done) == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]
    assert len({key for _, key in shop.asked}) == 4


async def test_a_run_that_failed_is_recovered_and_traced(api, shop):
    """The trace has the tasks of the document, with the error; recovered, the loop goes on with what is left."""
    shop.is_broken = True
    run = await started(api, calling(shop), max_parallelism=1)
    failed = await ended(api, run)
    assert [line.split()[1:3] for line in list(trace_lines(failed))[1:]] == [["each", "failed"], ["sell", "failed"]]

    shop.is_broken = False
    await api.call(COMMAND, "recover", io_pb2.RecoverWorkflowExecutionInput(id=run.metadata.id))

    done = await until(api, run, lambda frame: frame.status.phase == pb.EXECUTION_COMPLETED)
    assert output(done) == [{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}]
    assert [body for body, _ in shop.asked] == [f'{{"n":{n}}}' for n in (1, 2, 2, 3, 4)]


def asking(frame, answered):
    """Return the positions that are shown to wait for a person, without those that have their answer."""
    waiting = [task for task in frame.status.tasks if task.status == pb.WORKFLOW_TASK_WAITING_APPROVAL]
    return {task.metadata["position"] for task in waiting} - set(answered)


async def test_each_question_of_a_loop_is_answered(api):
    """Under the same name, one after the other, in whatever iteration it waits."""
    ask = {"name": "ask", "kind": "human_input", "task_config": {"prompt": "Sure of ${ $n }?"}}
    run, answered = await started(api, ask, max_parallelism=4), []
    for _ in range(4):
        waiting = await until(api, run, partial(asking, answered=tuple(answered)))
        answered += asking(waiting, answered)
        request = io_pb2.SubmitWorkflowTaskApprovalInput(execution_id=run.metadata.id, task_name="ask")
        request.outcome, request.comment = "approve", answered[-1]
        await api.call(COMMAND, "submitWorkflowTaskApproval", request)

    assert [entry["comment"] for entry in output(await ended(api, run))] == sorted(answered)
