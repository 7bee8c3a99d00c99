"""Events and messages go to webhooks: real requests to a real server on this machine."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.testing.memory_engine import MemoryEngine


@pytest.fixture
def server():
    """An HTTP server that keeps what it is sent; a path that begins with a status is answered with that."""
    got = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append((self.path, dict(self.headers), json.loads(body)))
            status = self.path.strip("/").partition("/")[0]
            self.send_response(int(status) if status.isdigit() else 204)
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}", got
        listening.shutdown()
        thread.join()


@pytest.fixture
def go(document):
    """A function that runs tasks with the real activities."""

    async def run(tasks, value=None, *, allow=("127.0.0.1",)):
        found = activities(Wiring(), allow=allow)
        return await MemoryEngine(WorkflowProgram(), found).run({"document": document(tasks), "input": value or {}})

    return run


def emitting(url, target="webhook: {uri: '${ $input.url }', headers: {X-Key: k}}"):
    return f"""
    - placed:
        do:
          - emit: {{emit: {{event: {{with: {{type: com.example.placed, data: {{n: '${{ .n }}'}}}}}}}}}}
          - deliver: {{call: 'stigmer:deliver', with: {{targets: [{{{target}}}, {{webhook: {{uri: '{url}/b'}}}}]}}}}
    """


async def test_an_event_is_posted_to_each_webhook(server, go):
    """As a CloudEvent, under a key of its own; the receivers are looked at as the task around sees them."""
    url, got = server
    outcome = await go(emitting(url), {"n": 1, "url": f"{url}/a"})

    assert [path for path, _, _ in got] == ["/a", "/b"]
    assert all(body == outcome.output for _, _, body in got)
    assert (outcome.output["type"], outcome.output["data"]) == ("com.example.placed", {"n": 1})
    assert (got[0][1]["Content-Type"], got[0][1]["X-Key"]) == ("application/cloudevents+json", "k")
    assert len({headers["Idempotency-Key"] for _, headers, _ in got}) == 2


async def test_a_message_is_posted_to_each_recipient(server, go):
    """As JSON; it is the output too."""
    url, got = server
    tasks = f"[{{t: {{call: 'stigmer:notify', with: {{recipients: ['{url}/x'], message: {{body: '${{ .n }}'}}}}}}}}]"
    outcome = await go(tasks, {"n": "hi"})

    assert (got[0][2], outcome.output) == ({"body": "hi"}, {"body": "hi"})


async def test_a_receiver_that_refuses_faults_the_task(server, go):
    """With its status; those after it get nothing."""
    url, got = server
    outcome = await go(emitting(url), {"n": 1, "url": f"{url}/503"})

    assert (outcome.failure.status, len(got)) == (503, 1)
    assert outcome.failure.instance == "/do/0/placed/do/1/deliver"


async def test_a_receiver_that_must_not_be_reached_is_not(server, go):
    """The policy of addresses holds here too."""
    url, got = server
    outcome = await go(emitting(url), {"n": 1, "url": f"{url}/a"}, allow=())

    assert (outcome.failure.type.rpartition("/")[2], got) == ("configuration", [])


async def _values(_run_id):
    return {"key": "canary"}


async def test_a_secret_is_in_no_error(server, document):
    """The address that is shown has none in it, and an event is sent without."""
    url, got = server
    wiring = Wiring()
    wiring.values = _values
    emits = (
        emitting(url)
        .replace("n: '${ .n }'", "n: '${ $secrets.key }'")
        .replace("$input.url", "$input.url + $secrets.key")
    )
    made = document(emits, use={"secrets": ["key"]})
    run = {"document": made, "input": {"url": f"{url}/500/"}, "secrets": {"key": None}}

    outcome = await MemoryEngine(WorkflowProgram(), activities(wiring, allow=["127.0.0.1"])).run(run)

    assert got[0][0] == "/500/canary"
    assert "canary" not in str(got[0][2]) + str(outcome)


async def test_an_address_that_is_no_text_faults(go):
    """Before anything is sent."""
    outcome = await go(emitting("http://x"), {"n": 1, "url": 5})

    assert outcome.failure.type.endswith("configuration")


async def test_other_runs_cannot_be_told_without_an_installation(go):
    """A configuration error says what is missing."""
    outcome = await go(emitting("http://x", "signal: {execution: wex_1, name: go}"), {"n": 1})

    assert outcome.failure.detail == "there is no WorkflowExecution here: pip install stigmer-plugin-workflow"


async def test_an_activity_is_called_by_its_name(server, go):
    """With its own argument."""
    url, got = server
    sent = f"{{method: POST, uri: '{url}/x', body: {{n: 1}}}}"
    await go(f"[{{a: {{call: 'stigmer:activity', with: {{activity: http, input: {sent}}}}}}}]")

    assert got[0][2] == {"n": 1}
