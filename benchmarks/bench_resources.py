"""Calls a second over TCP against a server with 1,000 to 1,000,000 agents: what does size cost?

Each size has a server of its own, in a process of its own, and a client in another one (grpc.aio, one connection, the
bearer token). The database is filled before the server starts, by the store itself, in large transactions. The figures
of two sizes come from one run, and the last lines compare their medians: a call that reads a bounded number of rows
costs the same at every size. "a word of all" is in every agent, "one of 8" in an eighth, "a rare word" in 50.

Usage: bench_resources.py [--sizes 1000,10000,100000,1000000] [--seconds N] [--quick]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import grpc.aio
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agent.v1.io_pb2 import AgentId
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference
from ai.stigmer.search.v1.io_pb2 import SearchRequest, SearchResponse
from figures import percentile, resident_bytes

from stigmer_core.api.v1.resources_pb2 import ListRequest, ListResponse
from stigmer_core.app import App
from stigmer_core.resources.codec import to_dict
from stigmer_core.resources.pages import page_token
from stigmer_core.resources.searchable import search_text
from stigmer_core.settings import load_settings
from stigmer_core.testing.server import ServerProcess

ORG, KIND = "local", 40
BATCH = 20_000
RARE = 50
AGENTS = "/ai.stigmer.agentic.agent.v1.Agent"
CREATE, GET, BY_REFERENCE = (
    f"{AGENTS}{name}" for name in ("CommandController/create", "QueryController/get", "QueryController/getByReference")
)
LIST, SEARCH = "/stigmer.core.v1.ResourceService/List", "/ai.stigmer.search.v1.SearchService/search"
TASKS = ("reviews", "writes", "triages", "translates", "audits", "plans", "tests", "monitors", "drafts", "compares")
THINGS = ("pull-requests", "issues", "tickets", "invoices", "contracts", "releases", "incidents", "alerts", "metrics")
THINGS += ("schemas", "migrations", "reports", "budgets", "tokens", "letters", "leads", "quotes", "orders", "refunds")
PEOPLE = ("engineers", "lawyers", "accountants", "support", "sales", "marketing", "operations", "security")
BOUND = 2.0  # what the larger size may cost, as a multiple


def texts(number, rare_every):
    """Return what agent `number` says of itself; every agent says `agent`, every `rare_every`th `zebra`."""
    chance = random.Random(number)
    task, thing, people = chance.choice(TASKS), chance.choice(THINGS), chance.choice(PEOPLE)
    other, rare = chance.choice(THINGS), " and counts every zebra" if number % rare_every == 0 else ""
    name = f"{thing} agent {number}"
    description = f"{task} {thing} for {people}, with an eye on {other}{rare}"
    instructions = (
        f"You are an agent that {task} {thing}. Read what {people} have sent, find what is wrong or missing, look at "
        f"{other} where it helps, and answer in three sentences that somebody in a hurry can act on."
    )
    return name, description, instructions


def agent(number, rare_every):
    one = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    name, one.spec.description, one.spec.instructions = texts(number, rare_every)
    one.metadata.id, one.metadata.name, one.metadata.slug = key(number), name, slug(number)
    one.metadata.org, one.metadata.visibility = ORG, 3
    for slot in (one.status.audit.spec_audit, one.status.audit.status_audit):
        slot.created_by.id = slot.updated_by.id = "local"
        slot.created_at.seconds = slot.updated_at.seconds = 1_790_000_000 + number
    return one


def key(number):
    return f"agt_{number:026d}"


def slug(number):
    return f"agent-{number}"


def fill(home, rows):
    """Make a home with so many agents; return the seconds it took."""
    begun, rare_every = time.perf_counter(), max(rows // RARE, 1)
    app = App.compose(load_settings(home=home, plugins=()))
    kind, document = app.host.kinds["Agent"], to_dict(agent(0, rare_every))
    for start in range(0, rows, BATCH):
        numbers = range(start, min(start + BATCH, rows))
        app.store.run_blocking(
            lambda tx, numbers=numbers: [insert(tx, kind, document, agent(n, rare_every)) for n in numbers]
        )
    app.store.close()
    app.home.release()
    return time.perf_counter() - begun


def insert(tx, kind, document, one):
    """Insert an agent; its JSON is one document with other texts in it, which is a tenth of the work."""
    metadata, spec = one.metadata, one.spec
    document["metadata"] |= {"id": metadata.id, "name": metadata.name, "slug": metadata.slug}
    document["spec"] |= {"description": spec.description, "instructions": spec.instructions}
    tx.insert(
        kind="Agent",
        resource_id=metadata.id,
        org=ORG,
        slug=metadata.slug,
        data=json.dumps(document),
        body=one.SerializeToString(deterministic=True),
        search=search_text(kind, one),
        indexes={},
    )


def cases(rows):
    """Return what is called: a name, the path, the response's message, and a function that makes a request."""

    def found(query, number=1):
        return lambda _: SearchRequest(query=query, kinds=[KIND], page={"num": number, "size": 20})

    def deep(chance):
        request = ListRequest(kind="Agent", page_size=50)
        request.page_token = page_token(request, chance.randrange(min(100, rows), rows + 1))
        return request

    return {
        "get": (GET, Agent, lambda chance: AgentId(value=key(chance.randrange(rows)))),
        "getByReference": (BY_REFERENCE, Agent, lambda chance: reference(chance.randrange(rows))),
        "list(50)": (LIST, ListResponse, lambda _: ListRequest(kind="Agent", page_size=50)),
        "list(50), any page by token": (LIST, ListResponse, deep),
        "search: no words": (SEARCH, SearchResponse, found("")),
        "search: a rare word": (SEARCH, SearchResponse, found("zebra")),
        "search: a rare and a common word": (SEARCH, SearchResponse, found("agent zebra")),
        "search: several words": (SEARCH, SearchResponse, found("reviews invoices lawyers")),
        "search: one of 8": (SEARCH, SearchResponse, found("lawyers")),
        "search: a word of all": (SEARCH, SearchResponse, found("agent")),
        "search: a word of all, page 20": (SEARCH, SearchResponse, found("agent", 20)),
        "search: the start of a word of all": (SEARCH, SearchResponse, found("agen")),
        "create": (CREATE, Agent, created),
    }


def reference(number):
    return ApiResourceReference(org=ORG, slug=slug(number), kind=KIND)


def created(chance):
    one = agent(chance.randrange(1, 2**60), 2**60)
    for part in ("id", "slug"):
        one.metadata.ClearField(part)
    one.ClearField("status")
    return one


def call(server, rows, name, callers, seconds):
    """Return the calls a second of so many callers, and the time of each call; runs in the client's process."""
    return asyncio.run(_call(server, cases(rows)[name], callers, seconds))


async def _call(server, case, callers, seconds):
    address, token = server
    path, response, make = case
    metadata, times = (("authorization", f"Bearer {token}"),), []

    async def caller(number, until, into):
        chance = random.Random(f"{number} {until}")
        while (begun := time.perf_counter()) < until:
            await rpc(make(chance), metadata=metadata)
            into.append(time.perf_counter() - begun)

    async with grpc.aio.insecure_channel(address) as channel:
        rpc = channel.unary_unary(path, lambda request: request.SerializeToString(), response.FromString)
        await caller(-1, time.perf_counter() + seconds / 5, [])
        begun = time.perf_counter()
        await asyncio.gather(*(caller(number, begun + seconds, times) for number in range(callers)))
        return len(times) / (time.perf_counter() - begun), times


def measure(rows, seconds):
    """Print a size's part of the table; return the medians by the call's name."""
    medians = {}
    with tempfile.TemporaryDirectory(prefix="stg") as folder, client() as pool:
        home = Path(folder) / "h"
        took = fill(home, rows)
        with ServerProcess(home) as server:
            print(
                f"\n{rows:,} agents, filled in {took:.0f} s; server {resident_bytes(server.pid) / 1e6:.0f} MB at start"
            )
            for name in cases(rows):
                one, many = (
                    pool.submit(call, (server.address, server.token), rows, name, callers, seconds).result()
                    for callers in (1, 32)
                )
                medians[name] = percentile(one[1], 0.5)
                print(f"{name:36}{row(*one)}{row(*many)}", flush=True)
            print(f"server {resident_bytes(server.pid) / 1e6:.0f} MB at the end")
            server.stop()
    return medians


def client():
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def row(per_second, times):
    return f"{per_second:9,.0f}/s {percentile(times, 0.5):8.2f} {percentile(times, 0.99):8.2f}"


def compare(medians):
    """Print what the largest size costs over the smallest one of at least 10,000; say which calls are out of bounds."""
    large = max(medians)
    small = min((size for size in medians if 10_000 <= size < large), default=min(medians))
    print(f"\np50 of 1 caller at {large:,} over {small:,} agents, at most {BOUND:.0f}")
    for name, median in medians[large].items():
        ratio = median / medians[small][name]
        print(f"{name:36}{ratio:6.2f}{'' if ratio <= BOUND else '  TOO MUCH'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--quick", action="store_true", help="two small sizes, half a second each")
    arguments = parser.parse_args()
    sizes = [int(size) for size in ("1000,10000" if arguments.quick else arguments.sizes).split(",")]
    seconds = 0.5 if arguments.quick else arguments.seconds
    print(f"{'':36}{'1 caller':>11} {'p50 ms':>8} {'p99 ms':>8}{'32 callers':>11} {'p50 ms':>8} {'p99 ms':>8}")
    compare({size: measure(size, seconds) for size in sizes})


if __name__ == "__main__":
    main()
