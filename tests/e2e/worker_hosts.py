"""A Temporal server, a server of ours that leaves the work to others, and workers: each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc.aio
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, io_pb2
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from stigmer_plugin_engine_temporal._devserver import DevServer
from stigmer_plugin_workflow.api.v1.documents_pb2 import ExecuteDocumentRequest

from stigmer_core.testing.server import ServerProcess

DOCUMENTS = "/stigmer.workflow.v1.WorkflowDocumentController/execute"
GET = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController/get"
CREATE = "/ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController/create"
TERMINAL = {enum_pb2.EXECUTION_COMPLETED, enum_pb2.EXECUTION_FAILED, enum_pb2.EXECUTION_CANCELLED}
ENVIRONMENT = {"STIGMER_NETWORK_ALLOW": "127.0.0.1"}
SECONDS = 90


class WorkerProcess:
    """`stigmer worker` of a server's home; `options` are further arguments."""

    def __init__(self, server, *options, name="worker", environment=None):
        self.server = server
        self.folder = server.home
        self.name = name
        self.ready = self.folder / f"{name}.json"
        command = [sys.executable, "-m", "stigmer_core", "worker", "--home", str(server.home)]
        self._command = [*command, "--ready-file", str(self.ready), *options]
        self._environment = {**os.environ, **ENVIRONMENT, **(environment or {})}
        self.process = None

    def launch(self):
        """Start it."""
        self.ready.unlink(missing_ok=True)
        with (self.folder / f"{self.name}.err").open("a") as log:
            self.process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        return self

    def start(self):
        """Start it and return when it works."""
        self.launch()
        deadline = time.monotonic() + SECONDS
        while not self.ready.exists():
            assert self.process.poll() is None, self.errors()
            assert time.monotonic() < deadline, self.errors()
            time.sleep(0.02)
        return self

    @property
    def token(self):
        """What callers of its service bring: the server's."""
        return self.server.token

    @property
    def description(self):
        """What it says of itself."""
        return json.loads(self.ready.read_text())

    def errors(self):
        """Return what it wrote to standard error."""
        return (self.folder / f"{self.name}.err").read_text()

    def kill(self):
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Stop it in good order and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        """Return its exit code once it has ended."""
        return self.process.wait(SECONDS)


class Gate(BaseHTTPRequestHandler):
    """Answers `/open...` at once and `/shut...` once the gate opens; counts who called what, with which key."""

    def do_GET(self):
        server = self.server
        with server.changed:
            server.calls.append((self.path, self.headers.get("Idempotency-Key"), self.headers.get("Authorization")))
            server.changed.notify_all()
            if self.path.startswith("/shut"):
                server.changed.wait_for(lambda: server.is_open, SECONDS)
        body = json.dumps({"path": self.path}).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_arguments):
        pass


@contextlib.contextmanager
def gate():
    """Run a server of gates."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    server.daemon_threads, server.block_on_close = True, False
    server.calls, server.changed, server.is_open = [], threading.Condition(), False
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        open_gate(server)
        server.shutdown()
        thread.join()
        server.server_close()


def open_gate(server):
    """Let those who wait go on."""
    with server.changed:
        server.is_open = True
        server.changed.notify_all()


async def called(server, count):
    """Wait until a gate was called so many times."""
    await until(lambda: len(server.calls) >= count)


async def until(condition):
    """Wait until something holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - what another process does
            await asyncio.sleep(0.02)


class Cluster:
    """A Temporal server, and a server over it that does only what needs its store."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "temporal").mkdir()
        self.temporal = DevServer(folder / "temporal")
        asyncio.run(self.temporal.ensure())
        options = ["--engine", "temporal", "--temporal-address", self.temporal.address, "--temporal-work", "false"]
        self.server = ServerProcess(folder / "h", options=options, environment=ENVIRONMENT).start()

    def close(self):
        """End both."""
        with contextlib.suppress(AssertionError):
            self.server.stop()
        asyncio.run(self.temporal.stop())

    def worker(self, name, *options, **more):
        """Return a worker, which is not started."""
        return WorkerProcess(self.server, *options, name=name, **more)

    async def call(self, path, request, response_type):
        """Call the server, over a new channel, for it may have been started anew."""
        async with grpc.aio.insecure_channel(self.server.socket) as channel:
            method = channel.unary_unary(path, type(request).SerializeToString, response_type.FromString)
            return await method(request, wait_for_ready=True, timeout=30)

    async def start(self, *tasks, secrets=None, **value):
        """Run DSL tasks, `t0` and so on, and return the id of the run."""
        document = {"document": {"dsl": "1.0.3", "namespace": "tests", "name": "job", "version": "1.0.0"}}
        if secrets:
            document["use"] = {"secrets": list(secrets)}
        document["do"] = [{f"t{place}": task} for place, task in enumerate(tasks)]
        request = ExecuteDocumentRequest(document=json.dumps(document), input=json.dumps(value), secrets=secrets or {})
        return (await self.call(DOCUMENTS, request, WorkflowExecution)).metadata.id

    async def shown(self, run_id):
        """Return a run as the server shows it."""
        return (await self.call(GET, io_pb2.WorkflowExecutionId(value=run_id), WorkflowExecution)).status

    async def ended(self, run_id):
        """Return a run's status once it has ended."""
        async with asyncio.timeout(SECONDS):
            while (status := await self.shown(run_id)).phase not in TERMINAL:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.05)
        return status
