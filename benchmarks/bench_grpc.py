"""Over gRPC: `get` and a 50-row page of 2 KB resources against the naive server of `naive_server.py`.

Both servers run at once, each in a process of its own, on unix sockets; rounds are interleaved.

Usage: bench_grpc.py [--rows N] [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import grpc.aio
from ai.stigmer.agentic.agentinstance.v1 import io_pb2
from google.protobuf import json_format
from rows import ORG, agent_instance

from stigmer_core.store import Store
from stigmer_core.testing.server import ServerProcess

QUERY = "/ai.stigmer.agentic.agentinstance.v1.AgentInstanceQueryController"
HERE = Path(__file__).parent


def fill(path, rows):
    store = Store.open(path)
    for start in range(0, rows, 500):
        store.run_blocking(lambda tx, start=start: [insert(tx, n) for n in range(start, min(start + 500, rows))])
    store.close()


def insert(tx, number):
    one = agent_instance(number)
    tx.insert(
        kind="AgentInstance",
        resource_id=one.metadata.id,
        org=ORG,
        slug=one.metadata.slug,
        data=json_format.MessageToJson(one, indent=None),
        body=one.SerializeToString(),
    )


async def calls_per_second(channel, method, requests, *, in_flight):
    call = channel.unary_unary(f"{QUERY}/{method}")
    bodies = iter(requests)

    async def work():
        for body in bodies:
            await call(body)

    begun = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    return len(requests) / (time.perf_counter() - begun)


async def measure(ours, naive, rows, rounds):
    channels = [grpc.aio.insecure_channel(ours), grpc.aio.insecure_channel(naive)]
    ids = [io_pb2.AgentInstanceId(value=f"ain_{n * 7919 % rows:026d}").SerializeToString() for n in range(2000)]
    page = io_pb2.ListAgentInstancesRequest(org=ORG, page_info={"num": 1, "size": 50}).SerializeToString()
    figures = {"get": ([], []), "list": ([], [])}
    for _ in range(rounds):
        for place, channel in enumerate(channels):
            slow = place == 1
            figures["get"][place].append(
                await calls_per_second(channel, "get", ids[: 500 if slow else 2000], in_flight=32)
            )
            figures["list"][place].append(
                await calls_per_second(channel, "list", [page] * (20 if slow else 500), in_flight=16)
            )
    for method, (fast, slow) in figures.items():
        ratio = statistics.median(a / b for a, b in zip(fast, slow, strict=True))
        ours, theirs = statistics.median(fast), statistics.median(slow)
        print(f"{method:4s}  ours {ours:8.0f}/s  naive {theirs:8.0f}/s  ratio {ratio:.1f}")
    for channel in channels:
        await channel.close()


def main(rows, rounds):
    with tempfile.TemporaryDirectory(prefix="stg") as folder:
        home = Path(folder) / "h"
        home.mkdir(mode=0o700)
        with ServerProcess(home) as server:
            server.stop()
        fill(home / "stigmer.db", rows)
        socket = Path(folder) / "naive.sock"
        command = list(map(str, [sys.executable, HERE / "naive_server.py", Path(folder) / "naive.db", socket, rows]))
        with ServerProcess(home) as server:
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as naive:
                naive.stdout.readline()
                try:
                    asyncio.run(measure(server.socket, f"unix:{socket}", rows, rounds))
                finally:
                    naive.stdin.close()
            server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.rows, arguments.rounds)
