"""Skills pushed from what a run left behind, over the real kind Artifact where it is installed."""

from __future__ import annotations

import io
import zipfile

import grpc
import pytest
from ai.stigmer.agentic.skill.v1 import io_pb2

from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.skill.v1.SkillCommandController"
RUN = "aex_01j9zq6w3n5v8x2y4b7c0d1e2f"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path) as opened:
        yield opened


@pytest.fixture
def messages():
    """The messages of the kind Artifact; a test that needs them is skipped where its plugin is not installed."""
    pytest.importorskip("stigmer_plugin_artifact._controller")
    return pytest.importorskip("ai.stigmer.agentic.artifact.v1.io_pb2")


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("SKILL.md", "---\nname: tidy\ndescription: d\n---\n")
    return buffer.getvalue()


async def leave(api, messages, name, content, **source):
    """Return the artifact that a run leaves behind."""
    given = messages.CreateArtifactInput(content=content)
    given.spec.display_name, given.spec.content_type = name, "application/zip"
    for field, value in (source or {"agent_execution_id": RUN}).items():
        setattr(given.spec.source, field, value)
    return await api.call("ai.stigmer.agentic.artifact.v1.ArtifactCommandController", "create", given)


async def push(api, key, *, run=RUN, tag=""):
    request = io_pb2.PushSkillFromExecutionArtifactRequest(org="local", execution_id=run, storage_key=key, tag=tag)
    return await api.call(COMMAND, "pushFromExecutionArtifact", request)


async def refusal(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name, caught.value.details()


@pytest.mark.parametrize("by", ["id", "name"])
async def test_an_artifact_of_a_run_is_pushed(api, messages, by):
    """By its id or its file name, with a tag, as if its bytes had been pushed."""
    made = await leave(api, messages, "My Skill.zip", archive())

    skill = await push(api, f"artifacts/{RUN}/{made.metadata.id if by == 'id' else 'My Skill.zip'}", tag="stable")

    assert (skill.metadata.slug, skill.spec.tag) == ("tidy", "stable")
    assert skill.status.version_hash == made.status.content_hash


async def test_an_artifact_of_a_workflow_run_is_pushed_too(api, messages):
    """The id says which kind of run it is."""
    run = RUN.replace("aex_", "wex_")
    await leave(api, messages, "s.zip", archive(), workflow_execution_id=run)

    assert (await push(api, f"artifacts/{run}/s.zip", run=run)).spec.name == "tidy"


async def test_what_a_run_did_not_leave_is_not_found(api, messages):
    """Also when another run did."""
    made = await leave(api, messages, "s.zip", archive(), agent_execution_id="aex_other")

    assert (await refusal(push(api, f"artifacts/{RUN}/{made.metadata.id}")))[0] == "NOT_FOUND"


async def test_an_artifact_that_is_no_skill_is_refused(api, messages):
    """As any other archive."""
    await leave(api, messages, "s.zip", b"no zip")

    code, text = await refusal(push(api, f"artifacts/{RUN}/s.zip"))

    assert (code, text.startswith("failed to extract SKILL.md")) == ("INVALID_ARGUMENT", True)


@pytest.mark.parametrize("key", ["artifacts/aex_other/s.zip", "../stigmer.db", f"artifacts/{RUN}"])
async def test_a_key_of_another_run_is_refused(api, key):
    """Before anything is looked up."""
    code, text = await refusal(push(api, key))

    assert (code, "does not belong to this execution" in text) == ("INVALID_ARGUMENT", True)


async def test_without_the_kind_artifact_its_plugin_is_named(tmp_path):
    """The caller learns what to install."""
    async with installation(tmp_path, disable_plugins=("artifact",)) as api:
        code, text = await refusal(push(api, f"artifacts/{RUN}/s.zip"))

    assert (code, "pip install stigmer-plugin-artifact" in text) == ("FAILED_PRECONDITION", True)
