"""Runs end to end, in process: calls, branches, failures, streams that end, cancellation, listings."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from google.protobuf import json_format
from stigmer_plugin_workflow.api.v1.documents_pb2 import ExecuteDocumentRequest

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
DOCUMENTS = "stigmer.workflow.v1.WorkflowDocumentController"
FORK = {"fork": {"branches": [{"l": {"set": {"side": "left"}}}, {"r": {"set": {"side": "right"}}}]}}
NAP = {"wait": {"seconds": 600}}
BOOM = {"raise": {"error": {"type": "https://tests/boom", "status": 418, "title": "Boom", "detail": "as asked"}}}


class Numbers(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"numbers": [1, 2, 3]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def numbers():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Numbers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def api(home):
    async with installation(home, network_allow=("127.0.0.1",)) as opened:
        yield opened


async def started(api, *tasks, **run_input):
    document = {"document": {"dsl": "1.0.3", "namespace": "tests", "name": "runs", "version": "1.0.0"}}
    document["do"] = [{f"t{place}": task} for place, task in enumerate(tasks)]
    request = ExecuteDocumentRequest(document=json.dumps(document), input=json.dumps(run_input))
    return (await api.call(DOCUMENTS, "execute", request)).metadata.id


async def frames(api, run_id):
    request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run_id)
    return [frame async for frame in api.stream(QUERY, "subscribe", request)]


def followed(run_id, after=0):
    return io_pb2.SubscribeEventsRequest(execution_id=run_id, after_sequence=after)


async def in_progress(api, run_id):
    call = api.stream(QUERY, "subscribe", io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run_id))
    while (await call.read()).status.phase != enum_pb2.EXECUTION_IN_PROGRESS:
        pass
    call.cancel()


async def ended(api, run_id):
    return (await frames(api, run_id))[-1].status


async def test_a_call_a_loop_and_a_branch_give_their_output(api, numbers):
    """A real HTTP call; the loop's output is that of its last iteration."""
    call = {
        "call": "http",
        "with": {"method": "get", "endpoint": {"uri": numbers}},
        "output": {"as": "${ {n: .numbers, t: 0} }"},
    }
    loop = {"for": {"each": "x", "in": ".n"}, "do": [{"add": {"set": {"n": "${ .n }", "t": "${ .t + $x }"}}}]}
    branch = {"switch": [{"big": {"when": ".t > 5", "then": "exit"}}, {"small": {"then": "continue"}}]}

    status = await ended(api, await started(api, call, loop, branch, BOOM))

    assert status.phase == enum_pb2.EXECUTION_COMPLETED
    assert json_format.MessageToDict(status.output) == {"n": [1, 2, 3], "t": 6}


async def test_an_output_that_is_no_object_is_carried_whole(api):
    """A fork's output is a list, in the order of its branches."""
    status = await ended(api, await started(api, FORK))

    assert json_format.MessageToDict(status.output) == {"$value": [{"side": "left"}, {"side": "right"}]}


async def test_a_raised_error_fails_the_run_and_names_the_task(api):
    """The problem's title and detail are the run's error; the task is failed."""
    status = await ended(api, await started(api, BOOM))

    assert status.phase == enum_pb2.EXECUTION_FAILED
    assert "Boom" in status.error
    assert "as asked" in status.error
    assert [task.status for task in status.tasks] == [enum_pb2.WORKFLOW_TASK_FAILED]


async def test_a_private_address_is_refused_unless_it_is_allowed(home, numbers):
    """The run fails in words, and no request is made."""
    call = {"call": "http", "with": {"method": "get", "endpoint": {"uri": numbers}}}

    async with installation(home) as api:
        status = await ended(api, await started(api, call))

    assert status.phase == enum_pb2.EXECUTION_FAILED
    assert "127.0.0.1" in status.error


async def test_streams_of_a_run_that_has_ended_end_too(api):
    """One frame with the last state, and every event from the sequence that was asked for."""
    run_id = await started(api, {"set": {"a": 1}})
    await frames(api, run_id)

    again = await frames(api, run_id)
    events = [event async for event in api.stream(QUERY, "subscribeEvents", followed(run_id, after=2))]

    assert len(again) == 1
    assert [event.sequence_number for event in events] == list(range(3, 3 + len(events)))
    assert events[-1].event_type == event_pb2.execution_completed


async def test_events_followed_live_have_no_gap(api):
    """Followed from the start while the run goes on, then from the middle: every sequence number once."""
    loop = {"for": {"each": "x", "in": "${ [range(20)] }"}, "do": [{"nap": {"wait": {"milliseconds": 5}}}]}
    run_id = await started(api, loop, {"set": {"a": 1}})

    live = [event async for event in api.stream(QUERY, "subscribeEvents", followed(run_id))]
    replayed = [event async for event in api.stream(QUERY, "subscribeEvents", followed(run_id, after=7))]

    assert len(live) > 40
    assert [event.sequence_number for event in live] == list(range(1, len(live) + 1))
    assert replayed == live[7:]
    assert live[-1].event_type == event_pb2.execution_completed


async def test_a_run_followed_from_its_start_ends_its_stream(api):
    """The last frame is terminal, and only the last."""
    terminal = {enum_pb2.EXECUTION_COMPLETED, enum_pb2.EXECUTION_FAILED, enum_pb2.EXECUTION_CANCELLED}

    seen = await frames(api, await started(api, {"wait": {"milliseconds": 50}}))

    assert [frame.status.phase in terminal for frame in seen] == [False] * (len(seen) - 1) + [True]


async def test_two_runs_of_one_workflow_have_names_of_their_own(api):
    """No client has to invent one."""
    document = {"document": {"dsl": "1.0.3", "namespace": "n", "name": "twice", "version": "1.0.0"}}
    document["do"] = [{"only": {"set": {"a": 1}}}]
    applied = await api.call(RESOURCES, "Apply", documents.ApplyRequest(json=json.dumps(document)))
    asked = WorkflowExecution(api_version="agentic.stigmer.ai/v1", kind="WorkflowExecution")
    asked.metadata.org, asked.spec.workflow_id = "local", applied.document.id

    runs = [await api.call(COMMAND, "create", asked) for _ in range(2)]

    assert len({run.metadata.name for run in runs}) == 2
    assert len({run.metadata.slug for run in runs}) == 2
    assert all(run.metadata.name.startswith("twice-") for run in runs)
    for run in runs:
        assert (await ended(api, run.metadata.id)).phase == enum_pb2.EXECUTION_COMPLETED


async def test_cancelling_ends_a_waiting_run_once_and_for_all(api):
    """Twice is once, and the run's own late report changes nothing."""
    run_id = await started(api, NAP, {"set": {"a": 1}})
    await in_progress(api, run_id)
    request = io_pb2.CancelWorkflowExecutionInput(id=run_id, reason="enough")

    for _ in range(2):
        cancelled = await api.call(COMMAND, "cancel", request)
        assert cancelled.status.phase == enum_pb2.EXECUTION_CANCELLED

    assert (await ended(api, run_id)).phase == enum_pb2.EXECUTION_CANCELLED
    log = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=run_id, page_size=100))
    ends = [
        event.event_type for event in log.events if "execution_" in event_pb2.WorkflowEventType.Name(event.event_type)
    ]
    assert ends == [event_pb2.execution_started, event_pb2.execution_cancelled]


async def test_runs_are_listed_by_phase_and_by_page(api):
    """Every run once, newest first, over pages; a filter narrows."""
    run_ids = [await started(api, {"set": {"a": 1}}) for _ in range(5)]
    for run_id in run_ids:
        await frames(api, run_id)
    failed = await started(api, BOOM)
    await frames(api, failed)

    seen, token = [], ""
    while True:
        request = io_pb2.ListWorkflowExecutionsRequest(
            page_size=2, page_token=token, phase=enum_pb2.EXECUTION_COMPLETED
        )
        page = await api.call(QUERY, "list", request)
        seen += [one.metadata.id for one in page.entries]
        token = page.next_page_token
        if not token:
            break

    assert seen == run_ids[::-1]


async def test_the_event_log_pages_to_its_end(api):
    """`has_more` until the last page; an unknown run has an empty log."""
    run_id = await started(api, {"set": {"a": 1}}, {"set": {"b": 2}})
    await frames(api, run_id)
    first = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=run_id, page_size=2))
    rest = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id=run_id, after_sequence=2))
    none = await api.call(QUERY, "getEventLog", io_pb2.GetEventLogRequest(execution_id="wex_none"))

    assert (len(first.events), first.has_more) == (2, True)
    assert rest.events[-1].sequence_number == rest.latest_sequence
    assert not rest.has_more
    assert list(none.events) == []
