"""An installation, and MCP servers to connect to: programs beside this file."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer
from ai.stigmer.agentic.mcpserver.v1.io_pb2 import ConnectInput

from stigmer_core.testing.installation import installation

PROGRAMS = Path(__file__).parent / "programs"


class Servers:
    """Makes manifests of the programs, and calls the API about them."""

    COMMAND = "ai.stigmer.agentic.mcpserver.v1.McpServerCommandController"
    QUERY = "ai.stigmer.agentic.mcpserver.v1.McpServerQueryController"

    def __init__(self, opened):
        self.opened = opened

    def stdio(self, program, *args, name="tracker"):
        one = self._named(name)
        one.spec.stdio.command = sys.executable
        one.spec.stdio.args.extend([str(PROGRAMS / f"{program}.py"), *map(str, args)])
        return one

    def http(self, url, name="tracker", **headers):
        one = self._named(name)
        one.spec.http.url = url
        one.spec.http.headers.update(headers)
        return one

    async def call(self, rpc, request):
        return await self.opened.call(self.QUERY if rpc.startswith("get") else self.COMMAND, rpc, request)

    async def connect(self, server, rpc="connect", secret=(), **values):
        made = await self.call("apply", server)
        request = ConnectInput(mcp_server_id=made.metadata.id, org="local")
        for key, value in values.items():
            request.runtime_env[key].value = value
            request.runtime_env[key].is_secret = key in secret
        return await self.call(rpc, request)

    @staticmethod
    def _named(name):
        one = McpServer(api_version="agentic.stigmer.ai/v1", kind="McpServer")
        one.metadata.name, one.metadata.org = name, "local"
        return one


@pytest.fixture
async def servers(tmp_path):
    async with installation(tmp_path) as opened:
        yield Servers(opened)


@pytest.fixture
def http_program():
    """Starts a program that prints its address, and ends it with the test."""
    with contextlib.ExitStack() as running:

        def start(program, *args):
            command = [sys.executable, str(PROGRAMS / f"{program}.py"), *args]
            process = running.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            running.callback(process.kill)
            return process.stdout.readline().strip()

        yield start


@pytest.fixture
def gone():
    """Says whether no process of a group is left but what only waits to be reaped."""

    def check(group):
        listed = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True)
        processes = [line.split() for line in listed.stdout.splitlines()]
        return not [state for other, state in processes if int(other) == group and not state.startswith("Z")]

    return check
