"""Random and damaged messages to every served method: no crash, no hang, no INTERNAL, nothing said of the inside.

The ordinary run sends 20,000 in process. More, and others:

    STIGMER_HOSTILE_MESSAGES=100000 STIGMER_HOSTILE_SEED=7 pytest tests/server/test_hostile_messages.py

The same seed makes the same requests as long as the answers, which later requests refer to, are the same.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import socket
import subprocess
import sys
from pathlib import Path

import grpc
import grpc.aio
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId

from stigmer_core.store import Store
from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.installation import installation
from stigmer_core.testing.server import ServerProcess

sys.path.insert(0, str(Path(__file__).parent))
from hostile_traffic import Traffic

MESSAGES = int(os.environ.get("STIGMER_HOSTILE_MESSAGES", "20000"))
MESSAGES_OVER_TCP = 2_000
SEED = int(os.environ.get("STIGMER_HOSTILE_SEED", "1"))
# A method has been reached when it looked at what is stored, not only at the request.
REACHED = ("OK", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION", "UNIMPLEMENTED", "ABORTED", "UNAVAILABLE")
MCP = "/ai.stigmer.agentic.mcpserver.v1.McpServerCommandController"
CONNECTING = (f"{MCP}/connect", f"{MCP}/startConnect")  # they start programs
AGENTS = "ai.stigmer.agentic.agent.v1.Agent"
RUNNER = '''
    """A runner of agents that does nothing."""
    from stigmer_core import hookimpl
    from stigmer_core.program import CancelRequested, Fail, Failure, Runner, Step

    class Program:
        def start(self, input, now):
            return Step(None, [])

        def advance(self, state, event):
            ended = [Fail(Failure("cancelled", "Cancelled"), cancelled=True)]
            return Step(state, ended if isinstance(event, CancelRequested) else [])

    @hookimpl
    def stigmer_runners():
        return [Runner("agent", Program())]
'''

pytestmark = pytest.mark.timeout(max(300, MESSAGES // 50))


class NoProgram(subprocess.Popen):
    """A machine on which there is no program to start."""

    def __init__(self, *_arguments, **_options):
        raise FileNotFoundError(2, "No such file or directory")

    def __del__(self):
        pass


def no_address(*_arguments, **_options):
    """Resolve no name."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.fixture
def distribution(tmp_path):
    """Return the folder of a plugin with a runner of agents."""
    return write_distribution(tmp_path, "fake-agent", RUNNER)


@pytest.fixture
def closed_world(distribution, monkeypatch):
    """Let nothing out: what the messages name is neither started nor looked up."""
    monkeypatch.syspath_prepend(distribution)
    monkeypatch.setattr(subprocess, "Popen", NoProgram)
    monkeypatch.setattr(socket, "getaddrinfo", no_address)


@pytest.fixture
def errors(caplog):
    """Return a function that tells what was logged as an error, by anybody."""
    caplog.set_level(logging.ERROR)

    def logged():
        gc.collect()  # a task whose error nobody took says so when it goes
        return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]

    return logged


def traffic_to(app, channel, *secrets, **options):
    """Return the traffic to an installation that is like `app`."""
    methods, kinds = app.dispatcher._methods, list(app.host.kinds.values())
    return Traffic(channel, methods, kinds, random.Random(SEED), secrets=secrets, **options)


async def works(api):
    """Return whether an agent can be stored, read and deleted."""
    asked = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    asked.metadata.name, asked.metadata.org, asked.spec.instructions = "afterwards", "local", "be helpful as before"
    made = await api.call(f"{AGENTS}CommandController", "create", asked)
    read = await api.call(f"{AGENTS}QueryController", "get", AgentId(value=made.metadata.id))
    return made == read == await api.call(f"{AGENTS}CommandController", "delete", AgentId(value=made.metadata.id))


def verify_closed(home):
    """Open the database of a home as anybody would, and check every page of it."""
    store = Store.open(home / "stigmer.db", create=False)
    try:
        store.verify()
    finally:
        store.close()


async def test_no_message_finds_a_weak_place(tmp_path, closed_world, errors):
    """Every method was reached, every answer is a proper one, and the installation is as healthy as before."""
    home = tmp_path / "home"
    async with installation(home) as api:
        api.app.links.serve_at("127.0.0.1:1")
        tally = await traffic_to(api.app, api.channel, str(tmp_path)).send(MESSAGES)
        healthy = await works(api)
        api.app.store.verify()

    assert tally.faults[:5] == []
    assert errors() == []
    assert tally.never(*REACHED) == []
    assert healthy
    verify_closed(home)


async def test_an_installation_opens_again_after_hostile_messages(tmp_path, closed_world, errors):
    """What was stored, runs that go on among it, is no trouble for the next start."""
    home = tmp_path / "home"
    async with installation(home) as api:
        await traffic_to(api.app, api.channel).send(min(MESSAGES, 4_000))

    async with installation(home) as api:
        tally = await traffic_to(api.app, api.channel, str(tmp_path), first_round=100).send(500)

    assert tally.faults[:5] == []
    assert errors() == []


async def test_no_message_over_tcp_finds_a_weak_place(tmp_path, home, distribution, monkeypatch):
    """The same over a socket: the server answers to the end, logs no error and stops in good order."""
    monkeypatch.syspath_prepend(distribution)
    with ServerProcess(home, environment={"PYTHONPATH": str(distribution)}) as server:
        metadata = (("authorization", f"Bearer {server.token}"),)
        async with installation(tmp_path / "twin") as twin, grpc.aio.insecure_channel(server.address) as channel:
            traffic = traffic_to(twin.app, channel, str(home), skipped=CONNECTING, metadata=metadata)
            tally = await traffic.send(MESSAGES_OVER_TCP)
        code = server.stop()

    assert tally.faults[:5] == []
    assert tally.total()["OK"] > MESSAGES_OVER_TCP // 4
    assert code == 0
    assert not [line for line in server.errors().splitlines() if "ERROR" in line or "Traceback" in line]
    verify_closed(home)
