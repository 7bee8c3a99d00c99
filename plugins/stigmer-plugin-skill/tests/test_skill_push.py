"""Skills over the API, in process, on a real database: versions by their bytes, tags with one holder."""

from __future__ import annotations

import io
import random
import zipfile

import grpc
import pytest
from ai.stigmer.agentic.skill.v1 import io_pb2
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill
from ai.stigmer.agentic.skill.v1.status_pb2 import GitProvenance
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceReference

from stigmer_core.testing.installation import installation
from stigmer_core.uploads.contents import CHUNK_BYTES, add_chunk
from stigmer_core.uploads.places import begin_upload, end_upload, new_upload_id, open_upload

COMMAND = "ai.stigmer.agentic.skill.v1.SkillCommandController"
QUERY = "ai.stigmer.agentic.skill.v1.SkillQueryController"
NOT_FOUND, INVALID, WRONG_STATE = "NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION"
COMMIT = GitProvenance(remote_url="https://example.com/a.git", commit="a" * 40)
SKILL = 43


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


def archive(text="Be brief.", noise=0):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo("SKILL.md"), f"---\nname: tidy\ndescription: d\n---\n{text}\n")
        file.writestr(zipfile.ZipInfo("noise.bin"), random.Random(noise).randbytes(noise))
    return buffer.getvalue()


async def push(api, artifact=None, **more):
    request = io_pb2.PushSkillRequest(org=more.pop("org", "local"), artifact=artifact, **more)
    return await api.call(COMMAND, "push", request)


async def versions(api, **more):
    request = io_pb2.ListSkillVersionsInput(org="local", slug="tidy", **more)
    return await api.call(QUERY, "listVersions", request)


async def refusal(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name, caught.value.details()


async def uploaded(api, content, *, complete=True):
    """Return the reference of an upload with content, as the lane makes it."""
    upload_id = new_upload_id()

    def receive(tx):
        open_upload(tx, upload_id, owner="Skill", org="local", size_bytes=len(content))
        content_id, _ = begin_upload(tx, upload_id)
        for number, start in enumerate(range(0, len(content), CHUNK_BYTES)):
            add_chunk(tx, content_id, number, content[start : start + CHUNK_BYTES])
        if complete:
            end_upload(tx, upload_id, content_id, len(content))

    await api.app.store.run(receive)
    return upload_id


def rows(api, table):
    return api.app.store.read(lambda reader: reader.execute(f"SELECT count(*) FROM {table}"))[0][0]


async def test_distinct_bytes_are_versions_and_the_same_bytes_are_none(api):
    """Going back to old bytes points at their version again; exactly one is current."""
    first = await push(api, archive("a"))
    second = await push(api, archive("b"), message="more")
    await push(api, archive("b"))
    await push(api, archive("a"))

    listed = (await versions(api)).versions
    assert [(one.version_hash, one.is_current) for one in listed] == [
        (second.status.version_hash, False),
        (first.status.version_hash, True),
    ]
    assert (listed[0].message, second.metadata.version.previous_version_id) == ("more", first.status.version_hash)
    assert rows(api, "contents") == 2


async def test_a_tag_has_one_holder_also_when_the_bytes_are_the_same(api):
    """It moves to the version that is pushed last with it, and the skill says so."""
    await push(api, archive("a"), tag="stable")
    await push(api, archive("b"))
    again = await push(api, archive("b"), tag="stable")

    listed = (await versions(api)).versions
    assert [one.tag for one in listed] == ["stable", ""]
    assert again.spec.tag == "stable"
    named = ApiResourceReference(kind=SKILL, org="local", slug="tidy", version="stable")
    found = await api.call(QUERY, "getByReference", named)
    assert found.status.version_hash == again.status.version_hash


async def test_a_version_keeps_the_commit_it_came_from(api):
    """And the next one, which came from nowhere, does not inherit it."""
    await push(api, archive("a"), git_provenance=COMMIT)
    second = await push(api, archive("b"))

    listed = (await versions(api)).versions
    assert [one.git_provenance.commit for one in listed] == ["", COMMIT.commit]
    assert not second.status.HasField("git_provenance")


async def test_versions_come_in_pages(api):
    """Newest first, each once; a token of another listing is refused."""
    for text in "abc":
        await push(api, archive(text))

    first = await versions(api, page_size=2)
    second = await versions(api, page_size=2, page_token=first.next_page_token)

    assert [len(first.versions), len(second.versions), first.total_count] == [2, 1, 3]
    assert second.next_page_token == ""
    assert (await refusal(versions(api, page_token="no")))[0] == INVALID


async def test_an_artifact_comes_back_byte_by_byte(api):
    """Under the key that the status names; a key of another shape or skill is not found."""
    content = archive(noise=3_000_000)
    skill = await push(api, content)
    key = skill.status.artifact_storage_key

    got = await api.call(QUERY, "getArtifact", io_pb2.GetArtifactRequest(artifact_storage_key=key))

    assert got.artifact == content
    for wrong in ("../stigmer.db", key.replace("skl_", "skl_0")[:-1], key.upper()):
        request = io_pb2.GetArtifactRequest(artifact_storage_key=wrong)
        assert (await refusal(api.call(QUERY, "getArtifact", request)))[0] == NOT_FOUND


async def test_an_upload_is_pushed_once(api):
    """With the same result as inline bytes: nothing is copied, and nothing is left over."""
    content = archive(noise=2 * CHUNK_BYTES)
    reference = await uploaded(api, content)

    skill = await push(api, artifact_upload_ref=reference)
    again = await refusal(push(api, artifact_upload_ref=reference))
    same = await push(api, artifact_upload_ref=await uploaded(api, content))

    assert skill.metadata.slug == "tidy"
    assert (again[0], "used already" in again[1]) == (WRONG_STATE, True)
    assert (same.status.version_hash, rows(api, "contents")) == (skill.status.version_hash, 1)


async def test_an_upload_that_cannot_be_pushed_is_refused_with_its_reason(api):
    """What is missing is not found; not there yet, or of another organisation, is a failed precondition."""
    empty = await uploaded(api, b"half", complete=False)
    mine = await uploaded(api, archive())

    refused = [
        await refusal(push(api, artifact_upload_ref="upl_nobody")),
        await refusal(push(api, artifact_upload_ref=empty)),
        await refusal(push(api, artifact_upload_ref=mine, org="other")),
    ]

    assert [code for code, _ in refused] == [NOT_FOUND, WRONG_STATE, WRONG_STATE]


async def test_a_bad_upload_is_refused_like_a_bad_archive(api):
    """The bytes are not believed because they came another way."""
    code, text = await refusal(push(api, artifact_upload_ref=await uploaded(api, b"no zip at all")))

    assert (code, text.startswith("failed to extract SKILL.md")) == (INVALID, True)


async def test_deleting_a_skill_takes_its_archives(api):
    """The bytes of every version."""
    skill = await push(api, archive("a"))
    await push(api, archive("b"))

    await api.call(COMMAND, "delete", io_pb2.SkillId(value=skill.metadata.id))

    assert [rows(api, table) for table in ("contents", "content_chunks")] == [0, 0]


async def test_url_lanes_need_an_http_host(api):
    """A process without one says so instead of minting URLs to nowhere."""
    key = (await push(api, archive())).status.artifact_storage_key
    upload = io_pb2.CreateSkillArtifactUploadUrlRequest(org="local", size_bytes=1)
    download = io_pb2.GetArtifactRequest(artifact_storage_key=key)

    refused = [
        await refusal(api.call(COMMAND, "createArtifactUploadUrl", upload)),
        await refusal(api.call(QUERY, "getArtifactDownloadUrl", download)),
    ]

    assert [(code, "HTTP host" in text) for code, text in refused] == [(WRONG_STATE, True)] * 2
    assert rows(api, "uploads") == 0


@pytest.mark.parametrize("size", [0, -1, 100 * 1024 * 1024 + 1])
async def test_an_upload_of_an_impossible_size_is_refused_at_once(api, size):
    """Before any byte moves."""
    request = io_pb2.CreateSkillArtifactUploadUrlRequest(org="local", size_bytes=size)

    assert (await refusal(api.call(COMMAND, "createArtifactUploadUrl", request)))[0] == INVALID


async def test_a_manifest_makes_a_version_of_its_text(api):
    """The same text applied again makes none."""
    skill = Skill(api_version="agentic.stigmer.ai/v1", kind="Skill")
    skill.metadata.name, skill.metadata.org = "tidy", "local"
    skill.spec.skill_md = "---\nname: tidy\ndescription: d\n---\nBe brief.\n"
    kind = api.app.resources.kind("Skill")
    draft = api.app.resources.prepare(kind, skill, creating=True)
    for _ in range(2):
        await api.app.store.run(lambda tx: api.app.resources.apply_in(tx, kind, draft))

    assert (await versions(api)).total_count == rows(api, "contents") == 1
