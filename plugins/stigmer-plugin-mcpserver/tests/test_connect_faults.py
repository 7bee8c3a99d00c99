"""Connecting to what is no good server: every failure is named, stored, bounded, and leaves nothing running."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from ai.stigmer.agentic.mcpserver.v1 import status_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId
from stigmer_plugin_mcpserver import _offer, _pipes
from stigmer_plugin_mcpserver._attempts import Attempts, end_lost
from stigmer_plugin_mcpserver.hooks import MCP_SERVER

from stigmer_core.errors import StigmerError

SOON = timedelta(seconds=1.5)
OBJECT = {"type": "object"}


async def failed(servers, server, **values):
    """Return what the caller of `connect` gets, and what is stored."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await servers.connect(server, **values)
    stored = await servers.call("apply", server)
    assert stored.status.connect_status.phase == status_pb2.connect_phase_failed
    assert stored.status.connect_status.failure_message in caught.value.details()
    return caught.value, stored.status.connect_status


def attempts(servers, **options):
    return Attempts(MCP_SERVER, servers.opened.app.resources, **options)


@pytest.fixture
def tools(tmp_path):
    def write(content):
        (tmp_path / "tools.json").write_text(json.dumps(content))
        return tmp_path / "tools.json"

    return write


async def test_a_program_that_is_not_there_is_named(servers):
    """Not started is something else than ended."""
    server = servers.stdio("offering")
    server.spec.stdio.command = "no-such-program"

    error, status = await failed(servers, server)

    assert (error.code(), status.failure_code) == (grpc.StatusCode.FAILED_PRECONDITION, "not_started")
    assert "no-such-program" in error.details()


async def test_a_folder_that_is_not_there_is_named(servers):
    """A missing working_dir is not blamed on the program."""
    server = servers.stdio("offering")
    server.spec.stdio.working_dir = "/no/such/folder"

    _, status = await failed(servers, server)

    assert (status.failure_code, "/no/such/folder" in status.failure_message) == ("not_started", True)


async def test_a_program_that_ends_at_once_is_quoted_without_the_secret(servers):
    """Its code and last error line help; the token that it prints there is not shown."""
    server = servers.stdio("misbehaving", "ends")
    server.spec.env["TOKEN"].is_secret = True

    _, status = await failed(servers, server, TOKEN="swordfish")

    assert status.failure_code == "exited"
    assert "ended with code 1" in status.failure_message
    assert status.failure_message.endswith("its last error line: cannot work with ***")


async def test_a_missing_variable_is_named(servers):
    """Nothing is started without it; the optional one is not missed."""
    server = servers.stdio("offering")
    server.spec.env["TOKEN"].is_secret = True
    server.spec.env["ZONE"].optional = True

    error, status = await failed(servers, server)

    assert (error.code(), status.failure_code) == (grpc.StatusCode.FAILED_PRECONDITION, "missing_variable")
    assert "no value for TOKEN:" in status.failure_message


async def test_a_value_with_a_line_break_is_no_header(servers):
    """The variable is named, the value is not."""
    server = servers.http("http://127.0.0.1:1/mcp", Authorization="Bearer ${TOKEN}")
    server.spec.env["TOKEN"].is_secret = True

    _, status = await failed(servers, server, TOKEN="abc\r\nHost: elsewhere")

    assert status.failure_code == "bad_value"
    assert "abc" not in status.failure_message


@pytest.mark.parametrize("way", ["hangs", "forks", "says_a_little"])
async def test_a_server_that_never_answers_ends_at_the_deadline(servers, tmp_path, gone, way):
    """It and everything it started is gone, also what ignores a polite signal."""
    made = await servers.call("apply", servers.stdio("misbehaving", way, tmp_path / "pid"))
    attempt = await attempts(servers, deadline=SOON).begin(made.metadata.id, {})

    with pytest.raises(StigmerError, match=r"no answer within 1\.5 s") as caught:
        await attempt.task

    assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("way", "reason"), [("babbles", "protocol"), ("floods", "too_large")])
async def test_a_server_that_floods_is_cut_off(servers, tmp_path, gone, way, reason):
    """It does not last until the deadline, and is gone."""
    _, status = await failed(servers, servers.stdio("misbehaving", way, tmp_path / "pid"))

    assert status.failure_code == reason
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_server_that_ends_leaves_no_child_behind(servers, tmp_path, gone):
    """The group goes, though its leader ended by itself."""
    _, status = await failed(servers, servers.stdio("misbehaving", "leaves_a_child", tmp_path / "pid"))

    assert status.failure_code == "exited"
    assert gone(int((tmp_path / "pid").read_text()))


async def test_a_cancelled_attempt_ends_as_failed_and_leaves_nothing(servers, tmp_path, gone):
    """Who stops waiting for connect stops the server that was started."""
    os.mkfifo(tmp_path / "pid")
    server = servers.stdio("misbehaving", "hangs", tmp_path / "pid")
    call = asyncio.create_task(servers.connect(server))
    group = int(await asyncio.to_thread((tmp_path / "pid").read_text))

    call.cancel()
    await asyncio.wait([call])

    stored = await servers.call("apply", server)
    assert stored.status.connect_status.failure_code == "cancelled"
    assert gone(group)


OFFERS = {
    "600 tools": ([{"name": f"t{number}", "inputSchema": OBJECT} for number in range(600)], "too_large"),
    "2 MB of tools": ([{"name": "t", "inputSchema": {**OBJECT, "x": "a" * 2_000_000}}], "too_large"),
    "a schema that is no object": ([{"name": "t", "inputSchema": "any"}], "protocol"),
    "no number": ([{"name": "t", "inputSchema": {**OBJECT, "x": float("nan")}}], "protocol"),
    "half a character": ([{"name": "t", "description": "\ud800", "inputSchema": OBJECT}], "protocol"),
    "no list": ({"tools": 1}, "protocol"),
}


@pytest.mark.parametrize(("offer", "reason"), OFFERS.values(), ids=OFFERS)
async def test_an_offer_that_cannot_be_kept_is_refused(servers, tools, offer, reason):
    """Nothing of it is stored."""
    _, status = await failed(servers, servers.stdio("listing", tools(offer)))

    assert status.failure_code == reason


async def test_a_schema_that_is_nested_too_deep_is_refused(servers, tools):
    """It would be stored, and the server could never be read again."""
    schema = OBJECT
    for _ in range(60):
        schema = {**OBJECT, "items": schema}

    _, status = await failed(servers, servers.stdio("listing", tools([{"name": "t", "inputSchema": schema}])))

    assert status.failure_code == "protocol"


async def test_an_offer_with_a_secret_in_it_is_not_kept(servers):
    """A server that puts its token into a description would have it stored and shown to everybody."""
    server = servers.stdio("offering")
    server.spec.env["REGION"].is_secret = True

    _, status = await failed(servers, server, REGION="swordfish-7")

    assert status.failure_code == "secret_answered"
    assert "REGION" in status.failure_message
    assert "swordfish" not in status.failure_message


async def test_a_failure_keeps_what_was_discovered_before(servers, tools):
    """The tools of the last good connection stay known."""
    server = servers.stdio("listing", tools([{"name": "search", "inputSchema": OBJECT}]))
    await servers.connect(server)
    tools("nonsense")

    await failed(servers, server)

    stored = await servers.call("apply", server)
    assert [tool.name for tool in stored.status.discovered_capabilities.tools] == ["search"]


REFUSALS = {
    "html": ("protocol", grpc.StatusCode.FAILED_PRECONDITION),
    "broken": ("unreachable", grpc.StatusCode.UNAVAILABLE),
    "missing": ("refused", grpc.StatusCode.FAILED_PRECONDITION),
    "elsewhere": ("refused", grpc.StatusCode.FAILED_PRECONDITION),
    "no-json": ("protocol", grpc.StatusCode.FAILED_PRECONDITION),
    "huge": ("too_large", grpc.StatusCode.RESOURCE_EXHAUSTED),
    "silent": ("deadline", grpc.StatusCode.DEADLINE_EXCEEDED),
}


@pytest.mark.parametrize(("way", "reason", "code"), [(way, *what) for way, what in REFUSALS.items()], ids=REFUSALS)
async def test_an_address_that_is_no_server_is_named(servers, http_program, way, reason, code):
    """Each way of it has its code; the spec's own timeout is the deadline."""
    server = servers.http(http_program("refusing", way))
    server.spec.http.timeout_seconds = 2

    error, status = await failed(servers, server)

    assert (status.failure_code, error.code()) == (reason, code)


async def test_an_address_where_nobody_listens_is_unavailable(servers):
    """Trying again later may help."""
    error, status = await failed(servers, servers.http("http://127.0.0.1:1/mcp"))

    assert (error.code(), status.failure_code) == (grpc.StatusCode.UNAVAILABLE, "unreachable")


async def test_only_a_few_are_connected_to_at_once(servers, tmp_path):
    """The others wait for their turn: with one at a time, the second is not started while the first hangs."""
    one = await servers.call("apply", servers.stdio("misbehaving", "hangs", tmp_path / "one", name="one"))
    two = await servers.call("apply", servers.stdio("misbehaving", "hangs", tmp_path / "two", name="two"))
    bounded = attempts(servers, deadline=SOON, at_once=1)

    first = await bounded.begin(one.metadata.id, {})
    second = await bounded.begin(two.metadata.id, {})
    await asyncio.wait([first.task, second.task], return_when=asyncio.FIRST_COMPLETED)

    assert not (tmp_path / "one").exists() or not (tmp_path / "two").exists()
    await asyncio.wait([first.task, second.task])
    assert first.task.exception()
    assert second.task.exception()


LEFT = {"young": (10, 20, "connecting"), "of the process before": (10, 5, "failed"), "old": (600, 900, "failed")}


@pytest.mark.parametrize(("age", "uptime", "phase"), LEFT.values(), ids=LEFT)
async def test_an_attempt_that_nobody_works_at_any_more_is_failed(servers, age, uptime, phase):
    """After its deadline, and at once when the process that made it is gone; a live one is left alone."""
    resources = servers.opened.app.resources
    now = datetime.now(UTC)
    made = await servers.call("apply", servers.http("https://a.example/mcp"))
    made.status.connect_status.phase = status_pb2.connect_phase_connecting
    made.status.connect_status.started_at.FromDatetime(now - timedelta(seconds=age))
    await resources.store.run(lambda tx: resources.save_in(tx, MCP_SERVER, made))

    await end_lost(MCP_SERVER, resources, now - timedelta(seconds=uptime))

    stored = await servers.call("get", ApiResourceId(value=made.metadata.id))
    assert status_pb2.ConnectPhase.Name(stored.status.connect_status.phase) == f"connect_phase_{phase}"
    assert stored.status.connect_status.failure_code == ("interrupted" if phase == "failed" else "")


async def test_a_server_that_is_deleted_meanwhile_is_not_found(servers, tmp_path):
    """The attempt ends and makes nothing again."""
    made = await servers.call("apply", servers.stdio("offering"))
    attempt = await attempts(servers).begin(made.metadata.id, {})
    resources = servers.opened.app.resources
    await resources.store.run(lambda tx: resources.delete_in(tx, MCP_SERVER, made.metadata.id))

    with pytest.raises(StigmerError, match="MCP Server not found"):
        await attempt.task


def test_the_limit_of_output_leaves_room_for_the_largest_offer():
    """What may be stored can also be received, though a listing says more than is stored."""
    assert _pipes.MAX_BYTES >= 4 * _offer.MAX_BYTES
