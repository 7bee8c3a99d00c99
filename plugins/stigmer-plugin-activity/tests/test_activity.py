"""Recent activity over the API, in process, on a real database."""

from __future__ import annotations

import pytest
from ai.stigmer.activity.v1 import io_pb2 as pb
from stigmer_plugin_activity import _controller
from stigmer_plugin_activity._entries import STARTED_ELSEWHERE

from stigmer_core.testing.installation import installation

QUERY = "ai.stigmer.activity.v1.ActivityQueryController"
IN_PROGRESS, COMPLETED = 2, 3


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        if missing := {"Session", "WorkflowExecution"} - set(opened.app.resources.kinds):
            pytest.skip(f"needs the plugins session and workflow: {', '.join(missing)} is not installed")
        yield opened


async def listed(api, **request):
    response = await api.call(QUERY, "listRecentActivity", pb.ListRecentActivityRequest(**request))
    return list(response.entries)


async def seed(api, kind_name, name, *, org="local", labels=(), **parts):
    """Store a resource as its plugin would, and return its id."""
    resources = api.app.resources
    kind = resources.kind(kind_name)
    message = kind.message(api_version=kind.api_version, kind=kind.name, metadata={"name": name, "org": org}, **parts)
    draft = resources.prepare(kind, message, creating=True)

    def store(tx):
        made = resources.create_in(tx, kind, draft)
        made.metadata.labels.update(dict.fromkeys(labels, "x"))
        return resources.save_in(tx, kind, made, slot=None).metadata.id

    return await api.app.store.run(store)


async def session(api, name, subject="", **more):
    return await seed(api, "Session", name, spec={"subject": subject}, **more)


async def execution(api, name, **more):
    return await seed(api, "WorkflowExecution", name, spec={"workflow_id": "wfl_1"}, **more)


async def change(api, resource_id, *, phase=None, subject=None, slot):
    resources = api.app.resources
    kind = resources.kind("WorkflowExecution" if phase else "Session")

    def save(tx):
        found = resources.get_in(tx, kind, resource_id)
        if phase:
            found.status.phase = phase
        else:
            found.spec.subject = subject
        resources.save_in(tx, kind, found, slot=slot)

    await api.app.store.run(save)


async def test_sessions_and_runs_are_one_list_newest_first(api):
    """Each as a summary: id, type, subject, time, and for a run its phase."""
    first = await session(api, "one", "Plan the migration")
    second = await execution(api, "nightly")
    third = await session(api, "three", "Ship it")

    entries = await listed(api)

    assert [(one.id, one.type, one.subject) for one in entries] == [
        (third, "session", "Ship it"),
        (second, "workflow_execution", "nightly"),
        (first, "session", "Plan the migration"),
    ]
    assert [one.status for one in entries] == ["", "", ""]
    assert all(one.HasField("updated_at") for one in entries)


@pytest.mark.parametrize(("phase", "status"), [(1, "pending"), (2, "in_progress"), (3, "completed"), (6, "terminated")])
async def test_the_status_of_a_run_is_its_phase(api, phase, status):
    """In lower case, without the prefix that protobuf asks for."""
    run = await execution(api, "nightly")
    await change(api, run, phase=phase, slot="status_audit")

    assert [one.status for one in await listed(api)] == [status]


async def test_a_change_of_status_brings_to_the_top_and_a_change_of_the_spec_does_not(api):
    """A run that ends is news, a session that gets a better subject is none."""
    run, talk = await execution(api, "nightly"), await session(api, "talk", "a")
    other = await execution(api, "other")
    await change(api, run, phase=COMPLETED, slot="status_audit")
    await change(api, talk, subject="b", slot="spec_audit")

    entries = await listed(api)

    assert [one.id for one in entries] == [run, other, talk]
    assert entries[2].subject == "b"


@pytest.mark.parametrize("subject", ["", "Auto-created session"])
async def test_a_session_without_a_subject_of_its_own_is_untitled(api, subject):
    """Also one that was made on the fly for a run."""
    await session(api, "talk", subject)

    assert [one.subject for one in await listed(api)] == ["Untitled session"]


@pytest.mark.parametrize("label", sorted(STARTED_ELSEWHERE))
async def test_a_session_that_no_person_started_is_left_out(api, label):
    """The channel, the link, the visitor and the schedule have lists of their own."""
    await session(api, "theirs", labels=[label])
    mine = await session(api, "mine", labels=["team"])

    assert [one.id for one in await listed(api)] == [mine]


async def test_only_what_belongs_to_the_organization_is_listed(api):
    """Without one everything is."""
    mine = await session(api, "mine", org="acme")
    other = await execution(api, "other", org="local")

    assert [one.id for one in await listed(api, org="acme")] == [mine]
    assert [one.id for one in await listed(api, org="nobody")] == []
    assert [one.id for one in await listed(api)] == [other, mine]


@pytest.mark.parametrize(("asked", "given"), [(0, 30), (-5, 30), (1, 1), (100, 100), (100_000, 100)])
async def test_a_page_size_out_of_range_is_folded_into_it(api, asked, given):
    """Never refused, never empty; the newest ones stay."""
    made = [await session(api, f"talk-{number}") for number in range(101)]

    entries = await listed(api, page_size=asked)

    assert [one.id for one in entries] == made[::-1][:given]


async def test_many_sessions_of_a_schedule_do_not_hide_those_of_people(api, monkeypatch):
    """They are passed over page by page, up to a bound."""
    monkeypatch.setattr(_controller, "PAGE_ROWS", 2)
    monkeypatch.setattr(_controller, "MAX_PAGES", 3)
    mine = await session(api, "mine")
    for number in range(5):
        await session(api, f"theirs-{number}", labels=["stigmer.ai/schedule-id"])
    found = await listed(api)

    await session(api, "one-more", labels=["stigmer.ai/schedule-id"])

    assert [one.id for one in found] == [mine]
    assert await listed(api) == []


async def test_of_each_kind_only_the_newest_are_looked_at(api, monkeypatch):
    """However many there are, a call reads no more than the bound."""
    monkeypatch.setattr(_controller, "PAGE_ROWS", 2)
    monkeypatch.setattr(_controller, "SHOWN_OF_A_KIND", 2)
    runs = [await execution(api, f"run-{number}") for number in range(3)]
    talks = [await session(api, f"talk-{number}") for number in range(3)]

    assert [one.id for one in await listed(api)] == [talks[2], talks[1], runs[2], runs[1]]


async def test_without_workflows_the_list_has_the_sessions(tmp_path):
    """A kind that no plugin has is left out."""
    async with installation(tmp_path, disable_plugins=("workflow",)) as api:
        if "Session" not in api.app.resources.kinds:
            pytest.skip("needs the plugin session, which is not installed")
        talk = await session(api, "talk")

        assert [one.id for one in await listed(api)] == [talk]


async def test_without_either_kind_the_list_is_empty(tmp_path):
    """Which is no error."""
    async with installation(tmp_path, plugins=("activity",)) as api:
        assert await listed(api) == []
