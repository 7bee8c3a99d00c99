"""Runs on Temporal while servers, workers and Temporal itself are killed: what came of each run is counted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, event_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from stigmer_plugin_engine_temporal._devserver import DevServer
from stigmer_plugin_workflow.api.v1 import documents_pb2

from stigmer_core.store import Store
from stigmer_core.testing.server import ServerProcess

EXECUTE = "/stigmer.workflow.v1.WorkflowDocumentController/execute"
END_WITHIN_SECONDS = 240
WORKER = [sys.executable, "-m", "stigmer_core", "worker"]


class Effects(ThreadingHTTPServer):
    """Keeps what was asked for under its key: asked for again it is answered as before, and nothing is done."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Effect)
        self.asked = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """Pass over a caller that was killed."""

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Effect(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.asked[self.path] += 1
        body = b'{"done": true}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        return


@dataclass
class Tally:
    """What a series came to; every list names what is wrong."""

    runs: list[str] = field(default_factory=list)
    kills: Counter = field(default_factory=Counter)
    unended: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)  # recorded never, or more than once
    effects: list[str] = field(default_factory=list)  # asked for never
    asked_again: int = 0  # effects that were asked for again under their key
    seconds: float = 0.0


class Chaos:
    """A Temporal server, a server and a worker, one of which is killed again and again while runs go on.

    Args:
        home: of the server; kept short, for its socket.
        runs: how many.
        steps: of each: an effect, keyed by the run and the step.
        kills: how often, at random moments.
        seed: of the moments.
        end_within_seconds: after the last kill, or runs count as not ended.
    """

    def __init__(self, home, *, runs, steps, kills, seed=0, end_within_seconds=END_WITHIN_SECONDS):
        self._runs, self._steps, self._kills = runs, steps, kills
        self._end_within_seconds = end_within_seconds
        self._random = random.Random(seed)
        self._effects = Effects()
        self._home = home
        temporal = home / "temporal"
        temporal.mkdir(parents=True)
        self._temporal = DevServer(temporal)
        self._worker = None
        self._tally = Tally()

    async def run(self):
        """Return what came of it."""
        await self._temporal.ensure()
        options = ["--engine", "temporal", "--temporal-address", self._temporal.address]
        self._server = ServerProcess(self._home / "h", options=[*options, "--network-allow", "127.0.0.1"])
        self._server.start()
        self._start_worker()
        begun = time.monotonic()
        try:
            killing = asyncio.create_task(self._kill_again_and_again())
            await self._start_runs()
            await killing
            await self._until_ended()
        finally:
            self._tally.seconds = time.monotonic() - begun
            await self._stop()
        self._count()
        return self._tally

    async def _start_runs(self):
        document = {"document": {"dsl": "1.0.3", "namespace": "chaos", "name": "steps", "version": "1.0.0"}}
        url = f'${{ "{self._effects.url}/" + $workflow.id + "/%d" }}'
        calls = [{"method": "put", "endpoint": url % at, "body": {}} for at in range(self._steps)]
        document["do"] = [{f"step{at}": {"call": "http", "with": call}} for at, call in enumerate(calls)]
        request = documents_pb2.ExecuteDocumentRequest(document=json.dumps(document), input="{}")
        while len(self._tally.runs) < self._runs:
            try:
                async with grpc.aio.insecure_channel(self._server.socket) as channel:
                    execute = channel.unary_unary(
                        EXECUTE, request.__class__.SerializeToString, WorkflowExecution.FromString
                    )
                    while len(self._tally.runs) < self._runs:
                        self._tally.runs.append((await execute(request, timeout=20)).metadata.id)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)

    async def _kill_again_and_again(self):
        victims = [self._kill_server, self._kill_worker, self._kill_temporal]
        for number in range(self._kills):
            await asyncio.sleep(self._random.uniform(0.5, 3))
            victim = victims[number % len(victims)]
            await victim()
            self._tally.kills[victim.__name__.removeprefix("_kill_")] += 1

    async def _kill_server(self):
        self._server.kill()
        await asyncio.sleep(self._random.uniform(0, 1))
        await asyncio.to_thread(self._server.start)

    async def _kill_worker(self):
        self._worker.kill()
        self._worker.wait()
        self._start_worker()

    async def _kill_temporal(self):
        os.kill(self._temporal._process.pid, signal.SIGKILL)
        self._temporal._process.wait()
        await asyncio.sleep(self._random.uniform(0, 1))
        await self._temporal.ensure()

    def _start_worker(self):
        command = [*WORKER, "--server", self._server.socket, "--temporal-address", self._temporal.address]
        command += ["--home", str(self._home / "w"), "--network-allow", "127.0.0.1"]
        with (self._home / "worker.log").open("ab") as log:
            self._worker = subprocess.Popen(command, stdout=log, stderr=log)

    async def _until_ended(self):
        deadline = time.monotonic() + self._end_within_seconds
        with contextlib.closing(_reader(self._home)) as rows:
            while time.monotonic() < deadline:
                left = {run_id for run_id, outcome in rows.outcomes() if not outcome}
                if not left & set(self._tally.runs):
                    return
                await asyncio.sleep(0.2)
        self._tally.unended = sorted(left & set(self._tally.runs))

    async def _stop(self):
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
            self._worker.wait(30)
        with contextlib.suppress(AssertionError, ProcessLookupError):
            self._server.stop()
        await self._temporal.stop()
        self._effects.shutdown()
        self._effects.server_close()

    def _count(self):
        with contextlib.closing(Store.open(self._home / "h" / "stigmer.db")) as store:
            for run_id in set(self._tally.runs) - set(self._tally.unended):
                execution = WorkflowExecution.FromString(store.body(run_id))
                events = store.read(lambda reader, run_id=run_id: reader.events(run_id, limit=10_000))
                self._count_run(run_id, execution.status, events)

    def _count_run(self, run_id, status, events):
        if status.phase != enum_pb2.EXECUTION_COMPLETED:
            self._tally.failed.append(f"{run_id}: {enum_pb2.ExecutionPhase.Name(status.phase)} {status.error}")
        decoded = [event_pb2.WorkflowExecutionEvent.FromString(one.body) for one in events]
        ended = Counter(one.task_name for one in decoded if one.event_type == event_pb2.task_completed)
        for at in range(self._steps):
            if ended[f"step{at}"] != 1:
                self._tally.steps.append(f"{run_id} step{at}: recorded {ended[f'step{at}']} times")
            asked = self._effects.asked[f"/{run_id}/{at}"]
            if not asked:
                self._tally.effects.append(f"{run_id} step{at}")
            self._tally.asked_again += max(asked - 1, 0)


class _Rows:
    def __init__(self, path):
        import sqlite3  # noqa: PLC0415 - another process has the store open

        self._connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def outcomes(self):
        return self._connection.execute("SELECT run_id, outcome FROM temporal_run").fetchall()

    def close(self):
        self._connection.close()


def _reader(home):
    return _Rows(home / "h" / "stigmer.db")
