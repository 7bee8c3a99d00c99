"""A worker's reports reach the server in order, in few calls, or are reported again."""

from __future__ import annotations

import asyncio

import grpc.aio
import pytest
from stigmer_plugin_engine_temporal import _home_service, _server_link
from stigmer_plugin_engine_temporal._server_link import ServerLink, ServerSink
from worker_service import REFUSAL, served

from stigmer_core.errors import UnavailableError
from stigmer_core.program import ActivityContext, ActivityError


class Reading:
    """A store to read from."""

    async def read_slowly(self, function):
        """Return what the function finds."""
        return function(None)


@pytest.fixture
async def server(tmp_path, monkeypatch):
    """Return a server of workers."""
    monkeypatch.setattr(_home_service, "context_values", lambda _reader, _resources, run_id: {"token": f"of {run_id}"})
    async with served(tmp_path, Reading()) as server:
        yield server


@pytest.fixture
async def sink(server):
    """Return a worker's sink."""
    link = ServerLink(server.target())
    sink = ServerSink(link)
    yield sink
    await sink.close()
    await link.close()


def batch(run_id, first, *entries):
    """Return what a workflow reports."""
    return {"run_id": run_id, "first": first, "entries": [["publish", {"n": entry}] for entry in entries]}


async def test_reports_arrive_as_they_were_made(server, sink):
    """With every entry, under their positions."""
    reported = batch("run_1", 7, 1, "ü\ud800", {"a": [None, 1.5]})

    assert await sink.record(reported) == ""
    assert server.sink.batches == [reported]


async def test_what_is_reported_during_a_call_goes_with_the_next(server, sink):
    """Two calls for 41 reports."""
    server.sink.gate.clear()
    first = asyncio.create_task(sink.record(batch("first", 1, 0)))
    await server.sink.arrived.wait()

    others = [asyncio.create_task(sink.record(batch(f"run_{number}", 1, number))) for number in range(40)]
    await asyncio.sleep(0)
    server.sink.gate.set()
    await asyncio.gather(first, *others)

    assert server.calls == [1, 40]


async def test_each_report_gets_its_own_answer(server, sink):
    """Also when one call has many."""
    server.sink.refusals = {"run_3": "gone", "run_5": "too bad"}

    answers = await asyncio.gather(*(sink.record(batch(f"run_{number}", 1, number)) for number in range(8)))

    assert [answers.index("gone"), answers.index("too bad"), answers.count("")] == [3, 5, 6]


async def test_what_a_server_that_is_away_does_not_get_is_raised(server, sink):
    """So it is reported again; then it arrives."""
    await server.stop()
    with pytest.raises(UnavailableError, match="takes no report"):
        await sink.record(batch("run_1", 1, 1))

    await server.start()
    async with asyncio.timeout(30):
        while True:
            try:
                await sink.record(batch("run_1", 1, 1))
                break
            except UnavailableError:
                await asyncio.sleep(0.05)

    assert server.sink.batches == [batch("run_1", 1, 1)]


async def test_a_large_report_goes_in_parts_that_keep_their_positions(server, sink, monkeypatch):
    """One entry each."""
    monkeypatch.setattr(_server_link, "CALL_BYTES", 50)
    reported = batch("run_1", 3, "a" * 30, "b" * 30, "c" * 30)

    assert await sink.record(reported) == ""
    assert [one["first"] for one in server.sink.batches] == [3, 4, 5]
    assert [entry for one in server.sink.batches for entry in one["entries"]] == reported["entries"]


async def test_a_report_that_fits_into_no_message_is_refused_in_words(server, sink, monkeypatch):
    """Its run is told so; it does not try for ever."""
    monkeypatch.setattr(_server_link, "LARGEST_BYTES", 10)

    answer = await sink.record(batch("run_1", 1, "a long one"))

    assert "at most 10 reach the server" in answer
    assert server.sink.batches == []


async def test_values_of_a_run_come_once_the_server_is_back(server, caplog):
    """The activity that needs them waits; nothing fails."""
    link = ServerLink(server.target())
    await server.stop()
    asked = asyncio.create_task(link.values("run_1"))
    async with asyncio.timeout(30):
        while "GetValues not answered" not in caplog.text:  # noqa: ASYNC110 - that is how one knows
            await asyncio.sleep(0.01)

        await server.start()

        assert await asked == {"token": "of run_1"}
    await link.close()


async def test_a_worker_learns_how_the_installation_works(server):
    """Where Temporal is, and where large values are."""
    link = ServerLink(server.target())
    found = await link.configuration()
    await link.close()

    assert (found.namespace, found.address, found.claims) == ("ours", "there:7233", "/claims")


async def test_short_activity_of_the_server_is_called_there(server):
    """With who asks, and its failure is the same as if it were here."""
    link, context = ServerLink(server.target()), ActivityContext("run_1", "/do/0/a", 3)

    assert await link.short_at_home("workflow", "double")(21, context) == [42, "run_1", "/do/0/a", 3]
    with pytest.raises(ActivityError) as refusal:
        await link.short_at_home("workflow", "refuse")(None, context)
    await link.close()

    assert refusal.value.failure == REFUSAL


async def test_short_activity_waits_for_the_server(server):
    """It is asked again until the server is back."""
    link, context = ServerLink(server.target()), ActivityContext("run_1", "/do/0/a", 1)
    await server.stop()
    waiting = asyncio.create_task(link.short_at_home("workflow", "double")(1, context))
    await server.start()

    assert (await waiting)[0] == 2
    await link.close()


async def test_short_activity_that_the_server_does_not_have_fails(server):
    """A server of another version will not have it later either."""
    link, context = ServerLink(server.target()), ActivityContext("run_1", "/do/0/a", 1)

    with pytest.raises(grpc.aio.AioRpcError, match="no short activity 'x'"):
        await link.short_at_home("workflow", "x")(1, context)
    await link.close()
