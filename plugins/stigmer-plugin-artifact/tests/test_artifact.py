"""Artifacts over the API, in process, on a real database."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from ai.stigmer.agentic.artifact.v1 import enum_pb2, io_pb2
from ai.stigmer.agentic.artifact.v1.api_pb2 import Artifact
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceId

from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.artifact.v1.ArtifactCommandController"
QUERY = "ai.stigmer.agentic.artifact.v1.ArtifactQueryController"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


def asked(content=b"# Report\n", *, name="report.md", content_type="text/markdown", ttl_days=None, **source):
    request = io_pb2.CreateArtifactInput(content=content)
    request.spec.display_name, request.spec.content_type = name, content_type
    request.spec.source.SetInParent()
    for field, value in (source or {"agent_execution_id": "aex_gone"}).items():
        setattr(request.spec.source, field, value)
    if ttl_days is not None:
        request.spec.retention.ttl_days = ttl_days
    return request


async def refusal(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code(), caught.value.details()


async def content(api, artifact, **options):
    request = io_pb2.GetArtifactContentRequest(artifact_id=artifact.metadata.id, **options)
    return await api.call(QUERY, "getContent", request)


async def listed(api, **request):
    return await api.call(QUERY, "listByExecution", io_pb2.ListArtifactsByExecutionRequest(**request))


def blobs(api):
    return api.app.store.read(lambda reader: reader.execute("SELECT org_id, hash FROM artifact_blob ORDER BY 1, 2"))


async def test_creating_an_artifact_says_hash_size_state_and_expiry(api):
    """The run it names need not exist; thirty days are the default."""
    made = await api.call(COMMAND, "create", asked())

    assert made.metadata.id.startswith("art_")
    assert (made.metadata.name, made.metadata.slug, made.metadata.org) == ("report.md", "report-md", "local")
    assert made.metadata.visibility == 1
    assert made.status.content_hash == hashlib.sha256(b"# Report\n").hexdigest()
    assert (made.status.size_bytes, made.status.storage_state) == (9, enum_pb2.storage_state_stored)
    created = made.status.audit.spec_audit.created_at.ToDatetime(UTC).replace(microsecond=0)
    assert datetime.fromisoformat(made.status.expires_at) == created + timedelta(days=30)


@pytest.mark.parametrize(("ttl_days", "days"), [(0, 30), (1, 1), (36_500, 36_500), (-1, None)])
async def test_retention_decides_when_content_expires(api, ttl_days, days):
    """Zero is the default, minus one is never."""
    made = await api.call(COMMAND, "create", asked(ttl_days=ttl_days))

    kept = made.status.expires_at and datetime.fromisoformat(made.status.expires_at) - datetime.now(UTC)
    assert (round(kept / timedelta(days=1)) if kept else None) == days


BAD = {
    "negative retention": (asked(ttl_days=-2), "/spec/retention/ttl_days: cannot be -2"),
    "retention past any date": (asked(ttl_days=2**31 - 1), "/spec/retention/ttl_days"),
    "no MIME type": (asked(content_type="markdown"), "'markdown' is no MIME type"),
    "a header in the MIME type": (asked(content_type="text/html\r\nset-cookie: a=b"), "is no MIME type"),
    "MIME type not ASCII": (asked(content_type="text/plain; a=\u00e9"), "is no MIME type"),
    "name on two lines": (asked(name="a\nb"), "/spec/display_name: has control characters"),
    "terminal escapes in the name": (asked(name="\x1b[2J"), "/spec/display_name: has control characters"),
    "a run's id without end": (asked(agent_execution_id="x" * 256), "/spec/source/agent_execution_id: has 256"),
    "no content": (asked(b""), "content"),
    "no name": (asked(name=""), "display_name"),
    "nothing": (io_pb2.CreateArtifactInput(), "spec"),
}


@pytest.mark.parametrize(("request_", "reason"), BAD.values(), ids=BAD)
async def test_a_bad_artifact_is_refused_at_its_place(api, request_, reason):
    """As INVALID_ARGUMENT, and nothing is kept."""
    code, details = await refusal(api.call(COMMAND, "create", request_))

    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert reason in details
    assert blobs(api) == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [("7 Dwarfs.txt", "artifact-7-dwarfs-txt"), ("../../etc/passwd", "etcpasswd"), ("\u6f22", "artifact")],
)
async def test_any_name_makes_an_artifact(api, name, slug):
    """A name is shown, never a path; names may repeat."""
    made = [await api.call(COMMAND, "create", asked(name=name)) for _ in range(2)]

    assert {one.metadata.name for one in made} == {name}
    assert {one.metadata.slug for one in made} == {slug}
    assert made[0].metadata.id != made[1].metadata.id


async def test_get_answers_without_the_content(api):
    """What create answered, exactly; an unknown id is NOT_FOUND."""
    made = await api.call(COMMAND, "create", asked())

    got = await api.call(QUERY, "get", io_pb2.ArtifactId(value=made.metadata.id))
    unknown = await refusal(api.call(QUERY, "get", io_pb2.ArtifactId(value="art_none")))

    assert got == made
    assert unknown == (grpc.StatusCode.NOT_FOUND, "Artifact not found: art_none")


async def test_an_artifact_is_of_its_runs_organization(api):
    """So a run of another organization leaves nothing in the default one."""
    await api.app.store.run(
        lambda tx: tx.insert(kind="AgentExecution", resource_id="aex_1", org="acme", slug="r1", data="{}", body=b"")
    )

    made = await api.call(COMMAND, "create", asked(agent_execution_id="aex_1"))

    assert made.metadata.org == "acme"
    assert blobs(api) == [("acme", made.status.content_hash)]


@pytest.mark.parametrize(
    ("max_bytes", "expected", "truncated"),
    [(0, b"# Report\n", False), (3, b"# R", True), (9, b"# Report\n", False), (2**62, b"# Report\n", False)],
)
async def test_content_is_read_whole_or_from_its_start(api, max_bytes, expected, truncated):
    """The total is that of the whole content, however much is asked for."""
    made = await api.call(COMMAND, "create", asked())

    read = await content(api, made, max_bytes=max_bytes)

    assert (read.content, read.truncated) == (expected, truncated)
    assert (read.total_size_bytes, read.content_type) == (9, "text/markdown")


async def test_the_largest_content_that_fits_a_request_fits_an_answer(api):
    """Ten megabytes travel both ways; a byte more than a message carries is refused."""
    request = asked(bytes(10 * 1024 * 1024 - 200))
    too_large = asked(bytes(10 * 1024 * 1024))

    made = await api.call(COMMAND, "create", request)
    read = await content(api, made)

    assert read.content == request.content
    assert (await refusal(api.call(COMMAND, "create", too_large)))[0] == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_wrong_reading_is_refused(api):
    """A negative length is invalid, an unknown artifact is NOT_FOUND for content and URL alike."""
    made = await api.call(COMMAND, "create", asked())
    unknown = Artifact()
    unknown.metadata.id = "art_none"

    assert (await refusal(content(api, made, max_bytes=-1)))[0] == grpc.StatusCode.INVALID_ARGUMENT
    assert (await refusal(content(api, unknown)))[0] == grpc.StatusCode.NOT_FOUND
    url = api.call(QUERY, "getDownloadUrl", io_pb2.ArtifactId(value="art_none"))
    assert (await refusal(url))[0] == grpc.StatusCode.NOT_FOUND


async def test_without_an_http_host_there_is_no_url(api):
    """The refusal says how to get one."""
    made = await api.call(COMMAND, "create", asked())

    code, details = await refusal(api.call(QUERY, "getDownloadUrl", io_pb2.ArtifactId(value=made.metadata.id)))

    assert code == grpc.StatusCode.FAILED_PRECONDITION
    assert "needs the HTTP host" in details


async def test_a_runs_artifacts_are_listed_newest_first(api):
    """By either id; by both, those that have both."""
    first = await api.call(COMMAND, "create", asked(b"1", workflow_execution_id="wex_1"))
    second = await api.call(COMMAND, "create", asked(b"2", workflow_execution_id="wex_1", agent_execution_id="aex_1"))
    await api.call(COMMAND, "create", asked(b"3", workflow_execution_id="wex_2", agent_execution_id="aex_1"))

    whole = await listed(api, workflow_execution_id="wex_1")
    both = await listed(api, workflow_execution_id="wex_1", agent_execution_id="aex_1")
    none = await listed(api, agent_execution_id="aex_2")

    assert (whole.total_pages, list(whole.entries)) == (1, [second, first])
    assert (both.total_pages, list(both.entries)) == (1, [second])
    assert (none.total_pages, list(none.entries)) == (0, [])


@pytest.mark.parametrize(
    "run", [{"agent_execution_id": "aex_1"}, {"agent_execution_id": "aex_1", "workflow_execution_id": "w"}]
)
async def test_a_listing_is_paged_by_number(api, run):
    """Pages do not overlap, and the one behind the last is empty."""
    made = [await api.call(COMMAND, "create", asked(b"%d" % n, **run)) for n in range(5)]

    pages = [await listed(api, page_size=2, page_token=token, **run) for token in ("", "2", "3", "4")]

    assert {page.total_pages for page in pages} == {3}
    assert [one.metadata.id for page in pages for one in page.entries] == [one.metadata.id for one in reversed(made)]


@pytest.mark.parametrize(
    "request_", [{}, *({"agent_execution_id": "a", "page_token": t} for t in ("x", "0", "-1", "9" * 10))]
)
async def test_a_listing_of_nothing_in_particular_is_refused(api, request_):
    """So is a page token that is no page's number."""
    assert (await refusal(listed(api, **request_)))[0] == grpc.StatusCode.INVALID_ARGUMENT


async def test_deleting_drops_the_content_and_keeps_the_record(api):
    """Twice is fine and changes nothing; reading the content is FAILED_PRECONDITION from then on."""
    made = await api.call(COMMAND, "create", asked())
    address = ApiResourceId(value=made.metadata.id)

    deleted = await api.call(COMMAND, "delete", address)
    again = await api.call(COMMAND, "delete", address)

    assert deleted.status.storage_state == enum_pb2.storage_state_deleted
    assert deleted.status.audit.status_audit.event == "updated"
    assert again == deleted == await api.call(QUERY, "get", io_pb2.ArtifactId(value=made.metadata.id))
    assert list((await listed(api, agent_execution_id="aex_gone")).entries) == [deleted]
    assert blobs(api) == []
    assert (await refusal(content(api, made)))[0] == grpc.StatusCode.FAILED_PRECONDITION
    url = api.call(QUERY, "getDownloadUrl", io_pb2.ArtifactId(value=made.metadata.id))
    assert (await refusal(url))[0] == grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize(("artifact_id", "code"), [("art_none", "NOT_FOUND"), ("", "INVALID_ARGUMENT")])
async def test_deleting_what_is_not_there_is_refused(api, artifact_id, code):
    """An unknown id is NOT_FOUND, an empty one INVALID_ARGUMENT."""
    refused = await refusal(api.call(COMMAND, "delete", ApiResourceId(value=artifact_id)))

    assert refused[0] == grpc.StatusCode[code]


async def test_the_same_content_is_kept_once_until_its_last_holder_goes(api):
    """Whoever still has it can read it."""
    one, other = [await api.call(COMMAND, "create", asked(name=name)) for name in ("a.md", "b.md")]

    kept = blobs(api)
    await api.call(COMMAND, "delete", ApiResourceId(value=one.metadata.id))
    read = await content(api, other)
    await api.call(COMMAND, "delete", ApiResourceId(value=other.metadata.id))

    assert kept == [("local", one.status.content_hash)]
    assert read.content == b"# Report\n"
    assert blobs(api) == []
