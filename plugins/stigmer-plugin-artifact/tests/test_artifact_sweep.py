"""Content goes when its time is over, and through every door that deletes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from ai.stigmer.agentic.artifact.v1 import enum_pb2, io_pb2
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId
from stigmer_plugin_artifact import hooks
from stigmer_plugin_artifact._controller import ArtifactQueries
from stigmer_plugin_artifact._removal import Sweep

from stigmer_core.api.v1 import resources_pb2
from stigmer_core.errors import FailedPreconditionError
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.artifact.v1.ArtifactCommandController"
QUERY = "ai.stigmer.agentic.artifact.v1.ArtifactQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


async def made(api, content=b"text", *, ttl_days=1):
    request = io_pb2.CreateArtifactInput(content=content)
    request.spec.display_name, request.spec.content_type = "notes.txt", "text/plain"
    request.spec.source.agent_execution_id = "aex_1"
    request.spec.retention.ttl_days = ttl_days
    return await api.call(COMMAND, "create", request)


async def state(api, artifact):
    got = await api.call(QUERY, "get", io_pb2.ArtifactId(value=artifact.metadata.id))
    return enum_pb2.ArtifactStorageState.Name(got.status.storage_state)


def later(**ago):
    return lambda: datetime.now(UTC) + timedelta(**ago)


def rows(api, table):
    return api.app.store.read(lambda reader: reader.execute(f"SELECT count(*) FROM {table}"))[0][0]


async def test_the_sweep_drops_what_has_expired_and_nothing_else(api):
    """In batches, until nothing is left; what is kept for ever or longer stays."""
    gone = [await made(api, b"%d" % number) for number in range(5)]
    kept = [await made(api, b"0", ttl_days=-1), await made(api, b"kept", ttl_days=3)]

    await Sweep(hooks.ARTIFACT, api.app.resources, clock=later(days=2), batch=2).run()

    assert [await state(api, one) for one in gone] == ["storage_state_deleted"] * 5
    assert [await state(api, one) for one in kept] == ["storage_state_stored"] * 2
    assert rows(api, "artifact_blob") == rows(api, "artifact_holder") == 2


async def test_the_hourly_job_leaves_what_has_time(api):
    """It runs by the clock of the machine."""
    one = await made(api)

    [job] = hooks.stigmer_jobs(api.app.resources)
    await job.run()

    assert job.every == timedelta(hours=1)
    assert await state(api, one) == "storage_state_stored"


async def test_the_sweep_finds_what_has_expired_by_an_index(api):
    """It does not look at what has time."""
    plan = "EXPLAIN QUERY PLAN SELECT artifact_id FROM artifact_holder WHERE expires_at <> '' AND expires_at <= ?"

    steps = api.app.store.read(lambda reader: reader.execute(plan + " ORDER BY expires_at LIMIT ?", ("x", 1)))

    assert [step[-1] for step in steps] == [
        "SEARCH artifact_holder USING COVERING INDEX artifact_holder_by_expiry (expires_at<?)"
    ]


@pytest.mark.parametrize("swept", [False, True])
async def test_expired_content_is_not_read_even_before_the_sweep(api, swept):
    """The reason is the expiry, also after the sweep."""
    one = await made(api)
    queries = ArtifactQueries(hooks.ARTIFACT, api.app.resources, api.app.links, clock=later(days=1))
    if swept:
        await Sweep(hooks.ARTIFACT, api.app.resources, clock=later(days=1)).run()

    with pytest.raises(FailedPreconditionError, match="expired at"):
        await queries.get_content(io_pb2.GetArtifactContentRequest(artifact_id=one.metadata.id))
    with pytest.raises(FailedPreconditionError, match="expired at"):
        await queries.get_download_url(io_pb2.ArtifactId(value=one.metadata.id))


async def test_content_is_read_until_the_second_it_expires(api):
    """A minute before, it is there."""
    one = await made(api)
    queries = ArtifactQueries(hooks.ARTIFACT, api.app.resources, api.app.links, clock=later(hours=23, minutes=59))

    read = await queries.get_content(io_pb2.GetArtifactContentRequest(artifact_id=one.metadata.id))

    assert read.content == b"text"


async def test_a_deleted_artifact_is_not_swept_again(api):
    """Its record keeps the time at which it was deleted."""
    one = await made(api)
    deleted = await api.call(COMMAND, "delete", ApiResourceId(value=one.metadata.id))

    await Sweep(hooks.ARTIFACT, api.app.resources, clock=later(days=2)).run()

    assert await api.call(QUERY, "get", io_pb2.ArtifactId(value=one.metadata.id)) == deleted


async def test_content_goes_with_its_record(api):
    """The generic delete takes the record, so it takes the content too."""
    one = await made(api)

    await api.call(RESOURCES, "Delete", resources_pb2.DeleteRequest(kind="Artifact", name=one.metadata.id))

    assert rows(api, "artifact_blob") == rows(api, "artifact_holder") == 0


async def test_a_manifest_makes_no_artifact_and_changes_none(api):
    """Content comes with the RPC only, and stays as it is."""
    one = await made(api)
    spec = {"contentType": "text/html", "displayName": "x", "source": {}}
    manifest = json.dumps({"kind": "Artifact", "metadata": {"name": one.metadata.slug}, "spec": spec})

    with pytest.raises(grpc.aio.AioRpcError, match="are not applied"):
        await api.call(RESOURCES, "Apply", resources_pb2.ApplyRequest(json=manifest))

    assert await api.call(QUERY, "get", io_pb2.ArtifactId(value=one.metadata.id)) == one


@pytest.mark.parametrize("write", ["create_in", "update_in", "apply_in"])
async def test_no_plugin_writes_an_artifact_without_content(api, write):
    """Whatever it writes with: content is what an artifact is."""
    one, resources = await made(api), api.app.resources
    draft = resources.prepare(hooks.ARTIFACT, one, creating=True)

    with pytest.raises(FailedPreconditionError, match="made with its content"):
        await api.app.store.run(lambda tx: getattr(resources, write)(tx, hooks.ARTIFACT, draft))

    assert await api.call(QUERY, "get", io_pb2.ArtifactId(value=one.metadata.id)) == one


async def test_a_delete_that_fails_keeps_the_content(api):
    """Content and record are one transaction."""
    one = await made(api)
    with pytest.raises(FailedPreconditionError):
        await api.app.store.run(lambda tx: _delete_and_fail(api, tx, one.metadata.id))

    assert await state(api, one) == "storage_state_stored"
    assert rows(api, "artifact_blob") == rows(api, "artifact_holder") == 1


def _delete_and_fail(api, tx, artifact_id):
    api.app.resources.delete_in(tx, hooks.ARTIFACT, artifact_id)
    raise FailedPreconditionError("as a step of somebody else's would")
