"""A unary `get` of a 2 KB Agent, copied, through the interceptors: in process against the same over a unix socket.

The socket belongs to a server in a process of its own; one client, one call at a time, rounds interleaved.

Usage: bench_dispatch.py [ROUNDS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import grpc.aio
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId

from stigmer_core.testing.installation import installation
from stigmer_core.testing.server import ServerProcess

COMMAND = "/ai.stigmer.agentic.agent.v1.AgentCommandController/create"
QUERY = "/ai.stigmer.agentic.agent.v1.AgentQueryController/get"
IN_PROCESS_CALLS, SOCKET_CALLS = 20_000, 1_000


def agent():
    one = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    one.metadata.name = "benchmark"
    one.spec.instructions = "Answer briefly. " * 110
    return one


async def prepared(channel):
    made = await channel.unary_unary(COMMAND, Agent.SerializeToString, Agent.FromString)(agent())
    get = channel.unary_unary(QUERY, AgentId.SerializeToString, Agent.FromString)
    return get, AgentId(value=made.metadata.id), made.ByteSize()


async def per_second(get, request, calls):
    begun = time.perf_counter()
    for _ in range(calls):
        await get(request)
    return calls / (time.perf_counter() - begun)


async def measure(socket, home, rounds):
    async with installation(home) as api, grpc.aio.insecure_channel(socket) as channel:
        here, here_id, size = await prepared(api.channel)
        there, there_id, _ = await prepared(channel)
        figures = [
            (await per_second(here, here_id, IN_PROCESS_CALLS), await per_second(there, there_id, SOCKET_CALLS))
            for _ in range(rounds)
        ]
    inside, outside = (statistics.median(column) for column in zip(*figures, strict=True))
    ratio = statistics.median(a / b for a, b in figures)
    print(f"get of {size} bytes  in process {inside:8.0f}/s  unix socket {outside:6.0f}/s  ratio {ratio:.0f}")


def main(rounds):
    with tempfile.TemporaryDirectory(prefix="stg") as folder, ServerProcess(Path(folder) / "a") as server:
        asyncio.run(measure(server.socket, Path(folder) / "b", rounds))
        server.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
