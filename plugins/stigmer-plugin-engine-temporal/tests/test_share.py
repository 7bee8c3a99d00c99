"""A server keeps what needs its store, workers do the rest."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from stigmer_plugin_engine_temporal._connection import Connection
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_engine_temporal._worker import Share
from temporal_host import Host
from temporal_programs import Counting

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.program import Runner


def runner_of(place, other=None, **more):
    """Return a runner whose activity says where it was done."""

    async def work(argument, _context):
        return f"{argument} {place}"

    return {"shared": Runner("shared", Counting(), {"work": work, **(other or {})}, **more)}


@contextlib.asynccontextmanager
async def shared(path, server, **more):
    """Yield a host that leaves the work to a worker of another process, which is not there yet, and that worker."""
    other = {"other": len}  # for workers
    host = Host(path, runner_of("at home", other, **more), server.address)
    host.options = replace(host.options, work=False)
    await host.open()
    converter = host.engine._connection._converter
    runners = runner_of("far away", other, **more)
    worker = Connection(host.options, runners, host.engine.sink, converter, None, share=Share(home=False))
    worker.start()
    try:
        yield host
    finally:
        await worker.stop()
        await host.close()


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({}, "far away"),
        ({"home": frozenset({"work"})}, "at home"),
        ({"home": frozenset({"work"}), "short": frozenset({"work"})}, "far away"),
        ({"short": frozenset({"work"})}, "far away"),
    ],
)
async def test_an_activity_is_done_where_it_belongs(tmp_path, server, more, place):
    """Those of the home by the server; all others, and the short ones of both, by the worker that drives the run."""
    async with shared(tmp_path / "stigmer.db", server, **more) as host:
        run_id = await host.start({"calls": 2}, "shared")

        assert await host.ended(run_id) == ("completed", [f"0 {place}", f"1 {place}"])


async def test_the_server_drives_runs_that_leave_nothing_to_workers(tmp_path, server):
    """Such as schedules: no worker is needed."""
    host = Host(tmp_path / "stigmer.db", runner_of("at home", home=frozenset({"work"})), server.address)
    host.options = replace(host.options, work=False)
    await host.open()

    run_id = await host.start({"calls": 1}, "shared")
    assert await host.ended(run_id) == ("completed", ["0 at home"])
    await host.close()


@pytest.mark.parametrize("text", ["yes", "True", "1"])
def test_what_is_neither_true_nor_false_is_refused(text):
    """By the name of the setting."""
    with pytest.raises(InvalidArgumentError, match="temporal_work must be true or false"):
        Options.of({"temporal": {"work": text}})
