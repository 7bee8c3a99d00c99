"""`stigmer worker`: the work of a server on other processes, whatever becomes of any of them."""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path

import pytest
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2 as pb

sys.path.append(str(Path(__file__).parent))
from worker_hosts import Cluster, WorkerProcess, called, gate, open_gate, until

CANARY = "canary-1f6e20c4"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Return a server that leaves the work to workers, for all tests of the module."""
    cluster = Cluster(tmp_path_factory.mktemp("w"))
    yield cluster
    cluster.close()


@pytest.fixture
def workers(cluster):
    """Return what starts workers by name; they end with the test."""
    started = []

    def start(name, *options):
        started.append(cluster.worker(name, *options).start())
        return started[-1]

    yield start
    for worker in started:
        worker.stop()


@pytest.fixture
def doors():
    """Return a server whose answers to `/shut` wait until it is opened."""
    with gate() as doors:
        yield doors


def http(url, **headers):
    """Return the task that calls a URL."""
    return {"call": "http", "with": {"method": "get", "endpoint": url, "headers": headers}}


async def test_two_workers_and_their_server_do_each_its_part(cluster, workers, doors):
    """Calls, secrets, processes and what needs the store, in one run: as if one process did it all."""
    workers("one"), workers("two")
    tasks = [
        http(f"{doors.url}/open", Authorization="${ $secrets.token }"),
        {"run": {"shell": {"command": "echo from $WHO", "environment": {"WHO": "a shell"}}}},
        {"run": {"script": {"language": "python", "code": "print(6 * 7)"}}},
        {"emit": {"event": {"with": {"source": "https://tests", "type": "tests.done", "data": "${ . }"}}}},
    ]

    status = await cluster.ended(await cluster.start(*tasks, secrets={"token": CANARY}))

    assert (status.phase, status.error) == (pb.EXECUTION_COMPLETED, "")
    assert [task.task_name for task in status.tasks] == ["t0", "t1", "t2", "t3"]
    assert {task.status for task in status.tasks} == {pb.WORKFLOW_TASK_COMPLETED}
    assert [call[2] for call in doors.calls] == [CANARY]
    assert CANARY not in str(status)


async def test_what_is_short_and_needs_the_store_is_done_by_the_server(cluster, workers):
    """The worker, which has no store, has it look the workflow up."""
    workers("one")
    task = {"run": {"workflow": {"namespace": "tests", "name": "nowhere", "version": "1.0.0"}}}

    status = await cluster.ended(await cluster.start(task))

    assert status.phase == pb.EXECUTION_FAILED
    assert "there is no workflow" in status.error


async def test_many_runs_on_two_workers_all_end_with_their_own_outputs(cluster, workers, doors):
    """Batches of reports mix runs; none gets the status of another."""
    workers("one"), workers("two")
    tasks = [{"set": {"n": "${ .n }"}}, http(f"{doors.url}/open"), {"set": {"n": "${ $input.path }"}}]
    tasks[2] = {"set": {"twice": "${ $workflow.input.n * 2 }"}}

    runs = [await cluster.start(*tasks, n=number) for number in range(10)]

    for number, run_id in enumerate(runs):
        status = await cluster.ended(run_id)
        assert status.phase == pb.EXECUTION_COMPLETED
        assert dict(status.output) == {"twice": number * 2}
        assert len(status.tasks) == 3


async def test_another_worker_goes_on_where_one_was_killed(cluster, workers, doors):
    """`kill -9` in the middle of a call: it is made again, under the same key."""
    first = workers("first")
    run_id = await cluster.start({"set": {"at": "before"}}, http(f"{doors.url}/shut"), {"set": {"at": "after"}})
    await called(doors, 1)

    first.kill()
    workers("second")
    await called(doors, 2)
    open_gate(doors)
    status = await cluster.ended(run_id)

    assert status.phase == pb.EXECUTION_COMPLETED
    assert [task.task_name for task in status.tasks] == ["t0", "t1", "t2"]
    assert len({key for _, key, _ in doors.calls}) == 1


async def test_a_worker_that_stops_finishes_what_is_under_way(cluster, doors):
    """SIGTERM: the call ends, is not made again, and what comes next is for others."""
    first = cluster.worker("stops").start()
    run_id = await cluster.start(http(f"{doors.url}/shut"), {"set": {"at": "after"}})
    await called(doors, 1)

    first.process.send_signal(signal.SIGTERM)
    await until(lambda: "stopping" in first.errors())
    open_gate(doors)
    code = first.wait()
    second = cluster.worker("goes-on").start()
    status = await cluster.ended(run_id)
    second.stop()

    assert (code, status.phase, len(doors.calls)) == (0, pb.EXECUTION_COMPLETED, 1)


async def test_the_second_signal_ends_a_worker_at_once(cluster, doors):
    """Nothing is waited for; what was under way is for another one, as after a crash."""
    first = cluster.worker("hurried").start()
    await cluster.start(http(f"{doors.url}/shut"))
    await called(doors, 1)

    first.process.send_signal(signal.SIGTERM)
    await until(lambda: "stopping" in first.errors())

    assert first.stop() == 128 + signal.SIGTERM


async def test_a_run_waits_for_its_server_and_reports_in_order(cluster, workers, doors):
    """The server dies in the middle: what a worker does then is reported, in order, once it is back."""
    patient = workers("patient")
    run_id = await cluster.start(
        {"set": {"n": 1}}, http(f"{doors.url}/shut"), {"set": {"n": 3}}, http(f"{doors.url}/open"), {"set": {"n": 5}}
    )
    await called(doors, 1)

    cluster.server.kill()
    open_gate(doors)
    await until(lambda: "not reported" in patient.errors())
    cluster.server.start()
    status = await cluster.ended(run_id)

    assert status.phase == pb.EXECUTION_COMPLETED
    assert [task.task_name for task in status.tasks] == [f"t{place}" for place in range(5)]
    assert {task.status for task in status.tasks} == {pb.WORKFLOW_TASK_COMPLETED}
    assert [path for path, _, _ in doors.calls] == ["/shut", "/open"]


async def test_a_worker_waits_for_a_server_that_is_not_there_yet(cluster):
    """It says so, and works as soon as there is one."""
    early = WorkerProcess(cluster.server, "--server", cluster.server.socket, name="early")
    cluster.server.stop()

    early.launch()
    await until(lambda: "waiting for the server" in early.errors())
    cluster.server.start()
    await until(early.ready.exists)

    assert early.stop() == 0


async def test_a_worker_says_that_it_waits_for_one_who_never_answers(cluster):
    """As where TLS is spoken on one side only: nothing is refused, and nothing comes."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        lost = WorkerProcess(cluster.server, "--server", address, name="lost").launch()
        await until(lambda: f"waiting for the server at {address}\n" in lost.errors())

        assert lost.stop() == 0


async def test_a_worker_goes_on_when_temporal_was_away(cluster, workers, doors):
    """Temporal is killed in the middle of a call, and started again: the run ends as if nothing had been."""
    workers("steady")
    run_id = await cluster.start(http(f"{doors.url}/shut"), {"set": {"at": "after"}})
    await called(doors, 1)

    cluster.temporal._process.kill()
    cluster.temporal._process.wait()
    open_gate(doors)
    await cluster.temporal.ensure()
    status = await cluster.ended(run_id)

    assert status.phase == pb.EXECUTION_COMPLETED
    assert [task.task_name for task in status.tasks] == ["t0", "t1"]


def test_a_service_that_others_can_reach_is_refused_without_tls(cluster):
    """As the server refuses it."""
    exposed = cluster.worker("exposed", "--listen", "0.0.0.0:0")

    assert exposed.launch().wait() == 2
    assert "is refused without TLS" in exposed.errors()


def test_a_worker_needs_the_token_of_the_server(cluster):
    """A wrong one, and none: exit code 4 and a sentence."""
    wrong = cluster.worker("wrong", "--server", cluster.server.address, environment={"STIGMER_TOKEN": "wrong"})

    code = wrong.launch().wait()

    assert (code, "does not let this worker in" in wrong.errors()) == (4, True)
    assert "--token-file or STIGMER_TOKEN has what `stigmer token` prints" in wrong.errors()


def test_a_worker_of_a_server_with_another_engine_is_refused(server):
    """In words."""
    worker = WorkerProcess(server, name="other")

    assert worker.launch().wait() == 2
    assert "does not run with --engine temporal" in worker.errors()


def test_a_worker_that_cannot_see_large_values_does_not_begin(cluster, tmp_path):
    """It would fail every run that has one."""
    blind = cluster.worker("blind", "--temporal-claims", str(tmp_path / "not-mounted"))

    assert blind.launch().wait() == 3
    assert "not-mounted" in blind.errors()


def test_a_certificate_that_cannot_be_read_is_refused(cluster):
    """At once; Temporal is not even tried."""
    worker = cluster.worker("uncertain", "--temporal-tls-ca", "/nowhere/ca.pem")

    assert worker.launch().wait() == 2
    assert "/nowhere/ca.pem cannot be read" in worker.errors()


def test_a_worker_comes_in_with_a_token_file(cluster, tmp_path):
    """Over TCP, as from another machine."""
    file = tmp_path / "token"
    file.write_text(cluster.server.token + "\n")
    worker = cluster.worker("remote", "--server", cluster.server.address, "--token-file", str(file)).start()

    assert json.loads(worker.ready.read_text())["server"] == cluster.server.address
    assert worker.stop() == 0


def test_an_unknown_runner_is_refused_with_those_there_are(cluster):
    """Nothing is polled."""
    worker = cluster.worker("unknown", "--runner", "nope")

    code = worker.launch().wait()

    assert code == 2
    assert "there is no runner nope for workers" in worker.errors()
    assert "there are workflow; the server does all the work of schedule, workflow-schedule" in worker.errors()


def test_a_worker_stays_small(cluster, workers):
    """Under 150 MB with every runner, right after its start."""
    worker = workers("small")

    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    resident_kb = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    assert resident_kb < 150 * 1024
