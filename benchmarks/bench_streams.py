"""5,000 open streams of one server: memory, other calls beside them, and how long their handlers outlive the clients.

Half of them are `subscribe` of 2,500 runs of agents and of workflows, half `ResourceService.Watch` of the kind Agent.
The server, the client that holds the streams of each sort (1,000 to a connection) and the client that calls `get` are
processes of their own, over loopback TCP with the bearer token. At most 25 KB a stream and a p99 under 10 ms are asked
for; while the agent changes, all of these processes share the cores, so the figure is also given against no streams.

Usage: bench_streams.py [--streams N] [--seconds N] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import multiprocessing
import tempfile
import time
import urllib.request
from pathlib import Path

import grpc.aio
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.agentexecution.v1.io_pb2 import AgentExecutionId
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import SubscribeWorkflowExecutionRequest
from bench_resources import agent, call, client
from figures import percentile, resident_bytes

from stigmer_core.api.v1.resources_pb2 import WatchEvent, WatchRequest
from stigmer_core.app import App
from stigmer_core.resources.codec import to_json
from stigmer_core.settings import load_settings
from stigmer_core.testing.server import ServerProcess

ORG = "local"
IN_PROGRESS = 2
PER_CONNECTION = 1_000
OPENING = 64  # at once
CHANGES_A_SECOND = 5
AGENTIC = "/ai.stigmer.agentic"
SUBSCRIBE_AGENT = f"{AGENTIC}.agentexecution.v1.AgentExecutionQueryController/subscribe"
SUBSCRIBE_WORKFLOW = f"{AGENTIC}.workflowexecution.v1.WorkflowExecutionQueryController/subscribe"
UPDATE = f"{AGENTIC}.agent.v1.AgentCommandController/update"
WATCH = "/stigmer.core.v1.ResourceService/Watch"
RUNS = {"AgentExecution": (AgentExecution, "aex"), "WorkflowExecution": (WorkflowExecution, "wex")}


def key(prefix, number):
    return f"{prefix}_{number:026d}"


def fill(home, runs):
    """Make a home with one agent and with runs of each kind that do not end."""
    app = App.compose(load_settings(home=home))
    app.store.run_blocking(lambda tx: [insert(tx, "Agent", agent(0, 1))])
    for kind, (message, prefix) in RUNS.items():
        app.store.run_blocking(
            lambda tx, k=kind, m=message, p=prefix: [insert(tx, k, run(k, m, p, number)) for number in range(runs)]
        )
    app.store.close()
    app.home.release()


def run(kind, message, prefix, number):
    one = message(api_version="agentic.stigmer.ai/v1", kind=kind)
    one.metadata.id, one.metadata.org = key(prefix, number), ORG
    one.metadata.name = one.metadata.slug = f"run-{number}"
    one.status.phase = IN_PROGRESS
    return one


def insert(tx, kind, one):
    tx.insert(
        kind=kind,
        resource_id=one.metadata.id,
        org=ORG,
        slug=one.metadata.slug,
        data=to_json(one),
        body=one.SerializeToString(),
    )


def subscriptions(count):
    """Return what is opened: path, request, and the response's message."""
    for number in range(count // 2):
        yield SUBSCRIBE_AGENT, AgentExecutionId(value=key("aex", number)), AgentExecution
        wanted = SubscribeWorkflowExecutionRequest(execution_id=key("wex", number))
        yield SUBSCRIBE_WORKFLOW, wanted, WorkflowExecution


def watches(count):
    return [(WATCH, WatchRequest(kind="Agent"), WatchEvent)] * count


SORTS = {"subscribe": subscriptions, "Watch": watches}


def hold(server, sort, count, opened, seen):
    """Open the streams and read them until this process is killed; `opened` is set when each has had its start."""
    asyncio.run(_hold(server, SORTS[sort](count), opened, seen))


async def _hold(server, wanted_streams, opened, seen):
    address, token = server
    limit, starts, readers = asyncio.Semaphore(OPENING), [], []
    async with contextlib.AsyncExitStack() as stack:
        for position, wanted in enumerate(wanted_streams):
            if position % PER_CONNECTION == 0:
                own = (("grpc.use_local_subchannel_pool", 1),)
                channel = await stack.enter_async_context(grpc.aio.insecure_channel(address, options=own))
            starts.append(asyncio.Event())
            readers.append(asyncio.create_task(follow(channel, token, wanted, (limit, starts[-1]), seen)))
        first = asyncio.gather(*(start.wait() for start in starts))
        await asyncio.wait([first, *readers], return_when=asyncio.FIRST_COMPLETED)
        for reader in readers:
            if reader.done():
                reader.result()
        opened.set()
        await asyncio.gather(*readers)


async def follow(channel, token, wanted, opening, seen):
    path, request, response = wanted
    limit, started = opening
    open_stream = channel.unary_stream(path, lambda r: r.SerializeToString(), response.FromString)
    async with limit:
        events = open_stream(request, metadata=(("authorization", f"Bearer {token}"),))
        await events.read()
        while path == WATCH and (await events.read()).type != WatchEvent.SYNCED:
            pass
        started.set()
    while await events.read() is not grpc.aio.EOF:
        with seen.get_lock():
            seen.value += 1


def change(server, seconds):
    """Update the agent every so often, for so many seconds: each is one change of the kind that is watched."""
    asyncio.run(_change(server, seconds))


async def _change(server, seconds):
    address, token = server
    until, one = time.perf_counter() + seconds, agent(0, 1)
    async with grpc.aio.insecure_channel(address) as channel:
        update = channel.unary_unary(UPDATE, lambda r: r.SerializeToString(), lambda body: body)
        while time.perf_counter() < until:
            one.spec.description = f"changed at {time.time()}"
            await asyncio.gather(
                update(one, metadata=(("authorization", f"Bearer {token}"),)), asyncio.sleep(1 / CHANGES_A_SECOND)
            )


def ended(http):
    """Return how many stream handlers have ended since the server started."""
    with urllib.request.urlopen(f"http://{http}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    streams = (SUBSCRIBE_AGENT, SUBSCRIBE_WORKFLOW, WATCH)
    return sum(
        int(line.split()[-1])
        for line in lines
        if line.startswith("stigmer_rpc_total") and any(f'"{p}"' in line for p in streams)
    )


class Gets:
    """Measures `get` by one caller, each time against the first."""

    def __init__(self, server, seconds, pool):
        self._server, self._seconds, self._pool = server, seconds, pool
        self._first = 0.0

    def __call__(self):
        per_second, times = self._pool.submit(call, self._server, 1, "get", 1, self._seconds).result()
        p50, p99 = (percentile(times, share) for share in (0.5, 0.99))
        self._first = self._first or p99
        figures = f"{per_second:7,.0f}/s  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
        return f"get by 1 caller {figures} ({p99 / self._first:4.1f} times)"


def beside_changes(server, seconds, get, seen):
    """Return the figures of `get` while the agent is changed, and how many events the holders read a second."""
    changing = multiprocessing.get_context("spawn").Process(target=change, args=(server, seconds * 1.5))
    changing.start()
    time.sleep(1.0)
    before, begun = seen.value, time.perf_counter()
    figures = get()
    per_second = (seen.value - before) / (time.perf_counter() - begun)
    changing.join()
    return f"{figures}  {per_second:,.0f} events/s delivered"


def opened_by(holder, opened, process):
    """Start a holder; return the seconds until its streams are open, and by how much the server has grown."""
    before, begun = resident_bytes(process.pid), time.perf_counter()
    holder.start()
    while not opened.wait(1):
        if not holder.is_alive():
            raise SystemExit(process.errors())
    return time.perf_counter() - begun, resident_bytes(process.pid) - before


def vanish(holders, http, streams):
    """Kill the holders of the streams; return the seconds until no handler is left."""
    before = ended(http)
    for holder in holders:
        holder.kill()
        holder.join()
    begun = time.perf_counter()
    while ended(http) - before < streams and time.perf_counter() - begun < 60:
        time.sleep(0.01)
    return time.perf_counter() - begun


def measure(process, streams, seconds):
    spawn, server = multiprocessing.get_context("spawn"), (process.address, process.token)
    seen, each, holders = spawn.Value("q", 0), streams // len(SORTS), []
    with client() as pool:
        get = Gets(server, seconds, pool)
        print(f"no streams          {get()}")
        try:
            for sort in SORTS:
                opened = spawn.Event()
                holders.append(spawn.Process(target=hold, args=(server, sort, each, opened, seen)))
                took, size = opened_by(holders[-1], opened, process)
                print(f"{each:,} {sort} opened in {took:.1f} s: {size / each / 1e3:.1f} KB each in the server")
            print(f"idle                {get()}")
            print(f"{CHANGES_A_SECOND} changes a second  {beside_changes(server, seconds, get, seen)}")
        finally:
            gone = vanish(holders, process.description["http"], streams)
        print(f"clients killed      every handler gone after {gone:.2f} s")
        print(f"afterwards          {get()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement of `get`")
    parser.add_argument("--quick", action="store_true", help="400 streams, a second each")
    arguments = parser.parse_args()
    streams, seconds = (400, 1.0) if arguments.quick else (arguments.streams, arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="stg") as folder:
        home = Path(folder) / "h"
        fill(home, -(-streams // 4))
        with ServerProcess(home) as process:
            measure(process, streams // 4 * 4, seconds)
            process.stop()


if __name__ == "__main__":
    main()
