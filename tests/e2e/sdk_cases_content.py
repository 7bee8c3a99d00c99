"""What has content: skills, bundles and artifacts, in a message and over HTTP."""

from __future__ import annotations

import json
import os
import urllib.request

import sdk_cases_inputs as inputs
from ai.stigmer.agentic.artifact.v1 import io_pb2 as artifact_pb2
from ai.stigmer.agentic.plugin.v1 import io_pb2 as bundle_pb2
from ai.stigmer.agentic.skill.v1 import io_pb2 as skill_pb2
from ai.stigmer.commons.apiresource import io_pb2
from sdk_cases_recording import case, code_of, codes
from stigmer._gen._types import ListParams

MEGABYTES = 1024 * 1024


def push(content, **more):
    return skill_pb2.PushSkillRequest(org="local", artifact=content, **more)


def artifact(content=b"a,b\n1,2\n", execution_id="aex_report", **more):
    spec = {"content_type": "text/csv", "display_name": "report.csv", **more}
    return artifact_pb2.CreateArtifactInput(
        spec={"source": {"agent_execution_id": execution_id}, **spec}, content=content
    )


def bundle(version="1.0.0", name="kit"):
    skill = "---\nname: review\ndescription: About reviews.\n---\nBe brief.\n"
    manifest = json.dumps({"name": name, "version": version, "description": "Useful things."})
    return inputs.archive({".claude-plugin/plugin.json": manifest, "skills/review/SKILL.md": skill})


def fetched(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def put(url, content):
    request = urllib.request.Request(url, data=content, method="PUT", headers={"Content-Type": "application/zip"})
    with urllib.request.urlopen(request):
        pass


@case
def skills(client):
    rpcs = client.skills
    first = rpcs.push(push(inputs.skill_archive(), tag="stable"))
    same = rpcs.push(push(inputs.skill_archive()))
    second = rpcs.push(push(inputs.skill_archive("More."), message="more"))
    versions = rpcs.list_versions(skill_pb2.ListSkillVersionsInput(org="local", slug="tidy")).versions
    tagged = rpcs.get_by_reference(inputs.ref("tidy", "stable"))
    key = skill_pb2.GetArtifactRequest(artifact_storage_key=first.status.artifact_storage_key)
    yield "same", same.metadata.version.id, first.metadata.version.id
    yield "previous", second.metadata.version.previous_version_id, first.status.version_hash
    seen = [(one.tag, one.is_current, one.message) for one in versions]
    yield "versions", seen, [("", True, "more"), ("stable", False, "")]
    yield "tagged", tagged.status.version_hash, first.status.version_hash
    yield "artifact", rpcs.get_artifact(key).artifact == inputs.skill_archive(), True
    yield "downloaded", fetched(rpcs.get_artifact_download_url(key).url) == inputs.skill_archive(), True
    yield "listed", [one.slug for one in rpcs.list(ListParams(org="local", query="tidy")).entries], ["tidy"]
    hidden = io_pb2.UpdateVisibilityInput(resource_id=first.metadata.id, visibility=inputs.PRIVATE)
    yield "hidden", rpcs.update_visibility(hidden).metadata.visibility, inputs.PRIVATE
    yield "read", rpcs.get(first.metadata.id).spec.description, "Keeps tidy."
    yield "deleted", rpcs.delete(first.metadata.id).metadata.slug, "tidy"
    yield from codes("NOT_FOUND", (rpcs.get_artifact, key), (rpcs.get_artifact_download_url, key))


@case
def large_skills(client):
    """Above what a message carries the SDK uploads over HTTP by itself."""
    content = inputs.skill_archive(name="heavy", ballast=os.urandom(12 * MEGABYTES))
    made = client.skills.push(push(content))
    key = skill_pb2.GetArtifactRequest(artifact_storage_key=made.status.artifact_storage_key)
    url = client.skills.get_artifact_download_url(key)
    yield "size", url.size_bytes, len(content)
    yield "whole", fetched(url.url) == content, True
    yield "in a message", code_of(client.skills.get_artifact, key), "FAILED_PRECONDITION"


@case
def skill_errors(client):
    rpcs = client.skills
    upload = skill_pb2.CreateSkillArtifactUploadUrlRequest(org="local", size_bytes=10)
    yield "upload", rpcs.create_artifact_upload_url(upload).ttl_seconds > 0, True
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.push, push(b"PK nonsense")),
        (rpcs.push, skill_pb2.PushSkillRequest(org="local")),
        (rpcs.push, push(inputs.skill_archive(), tag="a b")),
        (rpcs.create_artifact_upload_url, skill_pb2.CreateSkillArtifactUploadUrlRequest(org="local")),
        (rpcs.list, ListParams(org="local", query="x" * 501)),
        (rpcs.list_versions, skill_pb2.ListSkillVersionsInput()),
        (rpcs.get_by_reference, inputs.ref("")),
    )
    nobody = io_pb2.UpdateVisibilityInput(resource_id="skl_none", visibility=inputs.ORG)
    yield from codes(
        "NOT_FOUND",
        (rpcs.update_visibility, nobody),
        (rpcs.get_by_reference, inputs.ref("nowhere")),
        (rpcs.list_versions, skill_pb2.ListSkillVersionsInput(org="local", slug="nowhere")),
        (rpcs.push, skill_pb2.PushSkillRequest(org="local", artifact_upload_ref="nowhere")),
    )


@case
def skills_from_runs(client):
    """An archive that a run left behind becomes a skill."""
    run = client.agent_executions.create(inputs.agent_run())
    content = inputs.skill_archive(name="learned")
    kept = client.artifacts.create(artifact(content, run.metadata.id, content_type="application/zip"))
    key = f"artifacts/{run.metadata.id}/{kept.metadata.id}"
    asked = skill_pb2.PushSkillFromExecutionArtifactRequest(org="local", storage_key=key)
    asked.execution_id = run.metadata.id
    yield "pushed", client.skills.push_from_execution_artifact(asked).metadata.slug, "learned"
    asked.execution_id = "aex_other"
    yield "another run's", code_of(client.skills.push_from_execution_artifact, asked), "INVALID_ARGUMENT"
    asked.storage_key = "artifacts/aex_other/x"
    yield "unknown", code_of(client.skills.push_from_execution_artifact, asked), "NOT_FOUND"


@case
def artifacts(client):
    rpcs = client.artifacts
    run = client.agent_executions.create(inputs.agent_run())
    made = rpcs.create(artifact(execution_id=run.metadata.id))
    asked = artifact_pb2.GetArtifactContentRequest(artifact_id=made.metadata.id, max_bytes=3)
    of_run = artifact_pb2.ListArtifactsByExecutionRequest(agent_execution_id=run.metadata.id)
    read = rpcs.get_content(asked)
    yield "read", rpcs.get(made.metadata.id) == made, True
    yield "content", (read.content.decode(), read.truncated, read.total_size_bytes), ("a,b", True, 8)
    yield "downloaded", fetched(rpcs.get_download_url(made.metadata.id).url).decode(), "a,b\n1,2\n"
    yield "listed", [one.metadata.id for one in rpcs.list_by_execution(of_run).entries], [made.metadata.id]
    yield "deleted", rpcs.delete(made.metadata.id).metadata.id, made.metadata.id
    yield from codes("FAILED_PRECONDITION", (rpcs.get_content, asked), (rpcs.get_download_url, made.metadata.id))
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.create, artifact(content_type="nonsense")),
        (rpcs.create, artifact(display_name="")),
        (rpcs.create, artifact(b"")),
        (rpcs.list_by_execution, artifact_pb2.ListArtifactsByExecutionRequest()),
        (rpcs.get_content, artifact_pb2.GetArtifactContentRequest(artifact_id=made.metadata.id, max_bytes=-1)),
    )
    nobody = artifact_pb2.GetArtifactContentRequest(artifact_id="art_none")
    yield from codes("NOT_FOUND", (rpcs.get_content, nobody), (rpcs.get_download_url, "art_none"))


@case
def bundles(client):
    rpcs = client.plugins
    made = rpcs.push(bundle_pb2.PushPluginRequest(org="local", artifact=bundle()))
    rpcs.push(bundle_pb2.PushPluginRequest(org="local", artifact=bundle("1.1.0"), message="more"))
    versions = rpcs.list_versions(bundle_pb2.ListPluginVersionsInput(org="local", slug="kit")).versions
    members = [one.slug for one in rpcs.list_members(made.metadata.id).members]
    yield "read", rpcs.get(made.metadata.id).spec.version, "1.1.0"
    yield "by reference", rpcs.get_by_reference(inputs.ref("kit")).metadata.id, made.metadata.id
    yield "versions", [(one.is_current, one.message) for one in versions], [(True, "more"), (False, "")]
    yield "listed", [one.slug for one in rpcs.list(ListParams(org="local", query="useful")).entries], ["kit"]
    hidden = io_pb2.UpdateVisibilityInput(resource_id=made.metadata.id, visibility=inputs.PRIVATE)
    yield "hidden", rpcs.update_visibility(hidden).metadata.visibility, inputs.PRIVATE
    member = client.skills.get_by_reference(inputs.ref(members[0]))
    yield "member", (len(members), member.metadata.visibility), (1, inputs.PRIVATE)
    yield "deleted", rpcs.delete(made.metadata.id).metadata.id, made.metadata.id
    yield "member gone", code_of(client.skills.get, member.metadata.id), "NOT_FOUND"


@case
def bundles_over_http(client):
    rpcs = client.plugins
    content = bundle(name="shipped")
    offer = bundle_pb2.CreatePluginArtifactUploadUrlRequest(org="local", size_bytes=len(content))
    place = rpcs.create_artifact_upload_url(offer)
    asked = bundle_pb2.PushPluginRequest(org="local", artifact_upload_ref=place.artifact_upload_ref)
    yield "too early", code_of(rpcs.push, asked), "FAILED_PRECONDITION"
    put(place.url, content)
    yield "pushed", rpcs.push(asked).metadata.slug, "shipped"
    yield "used", code_of(rpcs.push, asked), "FAILED_PRECONDITION"


@case
def bundle_errors(client):
    rpcs = client.plugins
    nobody = io_pb2.UpdateVisibilityInput(resource_id="plg_none", visibility=inputs.ORG)
    yield from codes(
        "NOT_FOUND",
        (rpcs.list_members, "plg_none"),
        (rpcs.list_versions, bundle_pb2.ListPluginVersionsInput(org="local", slug="nowhere")),
        (rpcs.get_by_reference, inputs.ref("nowhere")),
        (rpcs.update_visibility, nobody),
        (rpcs.push, bundle_pb2.PushPluginRequest(org="local", artifact_upload_ref="nowhere")),
    )
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.push, bundle_pb2.PushPluginRequest(org="local", artifact=b"PK nonsense")),
        (rpcs.push, bundle_pb2.PushPluginRequest(org="local")),
        (rpcs.create_artifact_upload_url, bundle_pb2.CreatePluginArtifactUploadUrlRequest(org="local")),
        (rpcs.list, ListParams(org="local", query="x" * 501)),
        (rpcs.list_members, ""),
    )
