"""Sessions through the API: lists that page truly, and what a first run settles."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.session.v1 import enum_pb2, io_pb2
from ai.stigmer.agentic.session.v1.api_pb2 import Session

from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.session.v1.SessionCommandController"
QUERY = "ai.stigmer.agentic.session.v1.SessionQueryController"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


def session(name="talk", *tags, **spec):
    made = Session(api_version="agentic.stigmer.ai/v1", kind="Session")
    made.metadata.name, made.metadata.org = name, "local"
    made.metadata.tags.extend(tags)
    for field, value in spec.items():
        setattr(made.spec, field, value)
    return made


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name


async def listed(api, rpc, request):
    """Return the names of every page, in order."""
    names = []
    while True:
        page = await api.call(QUERY, rpc, request)
        names += [entry.metadata.name for entry in page.entries]
        if not page.next_page_token:
            return names, page.total_pages
        request.page_token = page.next_page_token


async def test_a_session_without_an_agent_is_fine(api):
    """It talks to the built-in assistant; the harness stays as it was given."""
    made = await api.call(COMMAND, "create", session())

    assert made.spec.harness == enum_pb2.HARNESS_UNSPECIFIED
    assert await api.call(QUERY, "get", io_pb2.SessionId(value=made.metadata.id)) == made


async def test_a_missing_agent_instance_is_not_found(api):
    """Nothing is written."""
    assert await code_of(api.call(COMMAND, "create", session(agent_instance_id="ain_none"))) == "NOT_FOUND"
    assert await listed(api, "list", io_pb2.ListSessionsRequest()) == ([], 0)


async def test_the_subject_alone_changes(api):
    """Empty is allowed; an unknown session is NOT_FOUND."""
    made = await api.call(COMMAND, "create", session(subject="before", harness_state_id="h1"))

    changed = await api.call(COMMAND, "updateSubject", io_pb2.UpdateSessionSubjectRequest(id=made.metadata.id))

    assert (changed.spec.subject, changed.spec.harness_state_id) == ("", "h1")
    assert changed.status.audit.spec_audit.event == "updated"
    request = io_pb2.UpdateSessionSubjectRequest(id="ses_none", subject="x")
    assert await code_of(api.call(COMMAND, "updateSubject", request)) == "NOT_FOUND"


@pytest.mark.parametrize(
    ("field", "value"),
    [("harness", enum_pb2.HARNESS_CURSOR), ("execution_target", enum_pb2.EXECUTION_TARGET_CLOUD)],
)
async def test_what_a_first_run_settles_does_not_change(api, field, value):
    """Before it, it may; afterwards FAILED_PRECONDITION."""
    made = await api.call(COMMAND, "create", session())
    setattr(made.spec, field, value)
    made.spec.harness_state_id = "h1"
    settled = await api.call(COMMAND, "update", made)
    setattr(settled.spec, field, 0)

    assert await code_of(api.call(COMMAND, "update", settled)) == "FAILED_PRECONDITION"


async def test_the_history_of_states_is_the_servers(api):
    """What a client says of it is dropped; each former state is kept once, in order."""
    made = await api.call(COMMAND, "create", session(harness_state_id="h1"))
    for state in ("h2", "h2", "h3"):
        made.spec.harness_state_id = state
        made.spec.harness_state_id_history.append("mine")
        made = await api.call(COMMAND, "update", made)

    assert list(made.spec.harness_state_id_history) == ["h1", "h2"]


@pytest.mark.parametrize("size", [0, 1, 2, 3, 100])
async def test_every_session_is_on_one_page(api, size):
    """Newest first, whatever the size of the page, also when one is added in between."""
    for number in range(5):
        await api.call(COMMAND, "create", session(f"talk-{number}"))
    request = io_pb2.ListSessionsRequest(page_size=size, org="local")
    first = await api.call(QUERY, "list", request)
    await api.call(COMMAND, "create", session("late"))

    if first.next_page_token:
        request.page_token = first.next_page_token
        names = [entry.metadata.name for entry in first.entries] + (await listed(api, "list", request))[0]
    else:
        names = [entry.metadata.name for entry in first.entries]

    assert names == [f"talk-{number}" for number in (4, 3, 2, 1, 0)]


async def test_tags_organizations_and_channels_narrow_the_list(api):
    """Every tag must be there; changed tags count at once."""
    await api.call(COMMAND, "create", session("one", "a", "b"))
    two = await api.call(COMMAND, "create", session("two", "a"))

    assert (await listed(api, "list", io_pb2.ListSessionsRequest(tags=["a", "b"])))[0] == ["one"]
    two.metadata.tags.append("b")
    await api.call(COMMAND, "update", two)
    assert (await listed(api, "list", io_pb2.ListSessionsRequest(tags=["b", "a"])))[0] == ["two", "one"]
    assert (await listed(api, "list", io_pb2.ListSessionsRequest(org="other")))[0] == []
    assert (await listed(api, "listByChannel", io_pb2.ListSessionsByChannelRequest(channel_id="c1")))[0] == []


async def test_an_instances_sessions_are_listed(api):
    """And only these."""
    agent = Agent(api_version="agentic.stigmer.ai/v1", kind="Agent")
    agent.metadata.name, agent.metadata.org, agent.spec.instructions = "helper", "local", "be helpful at all times"
    made = await api.call("ai.stigmer.agentic.agent.v1.AgentCommandController", "create", agent)
    instance_id = made.status.default_instance_id
    await api.call(COMMAND, "create", session("with", agent_instance_id=instance_id))
    await api.call(COMMAND, "create", session("without"))

    request = io_pb2.ListSessionsByAgentInstanceRequest(agent_instance_id=instance_id)
    assert (await listed(api, "listByAgentInstance", request))[0] == ["with"]


@pytest.mark.parametrize("token", ["x", "AAAA", "bm90IGpzb24"])
async def test_a_token_of_another_listing_is_refused(api, token):
    """INVALID_ARGUMENT."""
    request = io_pb2.ListSessionsRequest(page_token=token)

    assert await code_of(api.call(QUERY, "list", request)) == "INVALID_ARGUMENT"
