"""What the official SDK does against a server: run by the SDK's own Python, prints what it saw as JSON.

Usage: sdk_cases.py ADDRESS TOKEN
"""

from __future__ import annotations

import io
import json
import sys
import traceback
import zipfile

from ai.stigmer.agentic.agentinstance.v1 import io_pb2 as instance_pb2
from ai.stigmer.agentic.skill.v1 import io_pb2 as skill_pb2
from ai.stigmer.agentic.workflow.v1 import version_pb2
from ai.stigmer.agentic.workflowexecution.v1 import io_pb2 as execution_pb2
from ai.stigmer.commons.apiresource import io_pb2
from ai.stigmer.tenancy.organization.v1 import io_pb2 as organization_pb2
from stigmer import StigmerClient
from stigmer._gen._agent import AgentInput
from stigmer._gen._agentinstance import AgentInstanceInput
from stigmer._gen._organization import OrganizationInput
from stigmer._gen._types import ListParams, Page, ResourceRef
from stigmer._gen._workflow import WorkflowDocumentInput, WorkflowInput, WorkflowTaskInput
from stigmer._gen._workflowexecution import WorkflowExecutionInput
from stigmer._search import SearchParams

INSTRUCTIONS = "Answer briefly and kindly."
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def code_of(call, *arguments):
    """Return the gRPC code that a call fails with, or `ok`."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is reported
        status = getattr(error, "grpc_code", None)
        return status.name if status is not None else repr(error)
    return "ok"


def agent(name, **more):
    return AgentInput(name=name, org="local", instructions=INSTRUCTIONS, **more)


def archive(text="Be brief.", name="tidy"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("SKILL.md", f"---\nname: {name}\ndescription: Keeps tidy.\n---\n{text}\n")
    return buffer.getvalue()


def workflow(name, value="1"):
    task = WorkflowTaskInput(name="first", kind=1, task_config={"variables": {"value": value}})
    document = WorkflowDocumentInput(dsl="1.0.0", namespace="tests", name=name, version="1.0.0")
    return WorkflowInput(name=name, org="local", document=document, tasks=[task])


@case
def organizations(client):
    one = client.organizations.create(OrganizationInput(name="Acme Inc", org="acme-inc", description="first"))
    again = client.organizations.apply(OrganizationInput(name="Acme Inc", org="acme-inc", description="second"))
    return {
        "id": one.metadata.id,
        "described": client.organizations.get("acme-inc").spec.description,
        "same": again.metadata.id == one.metadata.id,
        "mine": sorted(o.metadata.id for o in client.organizations.find_my_organizations().entries),
        "found": client.organizations.find(io_pb2.FindApiResourcesRequest(org="local")).total_pages,
        "external": code_of(client.organizations.get_by_external_org_id, _external()),
        "deleted": client.organizations.delete("acme-inc").metadata.id,
        "gone": code_of(client.organizations.get, "acme-inc"),
    }


def _external():
    reference = io_pb2.ApiResourceReference(org="local", kind=21, slug="idp")
    return organization_pb2.OrganizationExternalLookup(identity_provider_ref=reference, external_org_id="x")


@case
def agents(client):
    made = client.agents.create(agent("Code Reviewer", description="reads"))
    reference = ResourceRef(org="local", slug="code-reviewer")
    updated = client.agents.update(agent("Code Reviewer", description="reads more"))
    applied = client.agents.apply(agent("Code Reviewer", description="reads all"))
    instances = client.agent_instances.get_by_agent(_by_agent(made.metadata.id))
    listed = client.agents.list(ListParams(org="local", query="reads"))
    by_reference = client.agents.get_by_reference(reference).metadata.id == made.metadata.id
    deleted = client.agents.delete(made.metadata.id)
    return {
        "slug": made.metadata.slug,
        "prefix": made.metadata.id[:4],
        "default_instance": [i.metadata.slug for i in instances.items],
        "by_reference": by_reference,
        "updated": updated.spec.description,
        "audit": [applied.status.audit.spec_audit.event, applied.status.audit.spec_audit.created_by.id],
        "listed": [entry.slug for entry in listed.entries if entry.slug == "code-reviewer"],
        "deleted": deleted.spec.description,
        "orphans": len(client.agent_instances.get_by_agent(_by_agent(made.metadata.id)).items),
    }


def _by_agent(agent_id):
    return instance_pb2.GetAgentInstancesByAgentRequest(agent_id=agent_id)


@case
def agent_errors(client):
    made = client.agents.create(agent("errors"))
    default = client.agent_instances.get(made.status.default_instance_id)
    to_org = io_pb2.UpdateVisibilityInput(resource_id=default.metadata.id, visibility=3)
    missing_skill = agent("no-skill", skill_refs=[ResourceRef(org="local", slug="nowhere")])
    return {
        "duplicate": code_of(client.agents.create, agent("errors")),
        "missing": code_of(client.agents.get, "agt_01jd2v0000000000000000000"),
        "empty id": code_of(client.agents.get, ""),
        "short instructions": code_of(client.agents.create, AgentInput(name="x1", org="local", instructions="no")),
        "no name": code_of(client.agents.create, agent("")),
        "bad slug": code_of(client.agents.create, agent("7 dwarfs")),
        "reserved label": code_of(client.agents.create, agent("labelled", labels={"stigmer.ai/x": "y"})),
        "missing skill": code_of(client.agents.create, missing_skill),
        "update unknown": code_of(client.agents.update, agent("unknown-one")),
        "public": code_of(client.agents.create, agent("public", visibility=2)),
        "default instance visibility": code_of(client.agent_instances.update_visibility, to_org),
        "instance without agent": code_of(
            client.agent_instances.create, AgentInstanceInput(name="lost", org="local", agent_id="agt_none")
        ),
        "unserved": code_of(client.memorys.get, "mem_1"),
    }


@case
def skills(client):
    first = client.skills.push(skill_pb2.PushSkillRequest(org="local", artifact=archive(), tag="stable"))
    same = client.skills.push(skill_pb2.PushSkillRequest(org="local", artifact=archive()))
    second = client.skills.push(skill_pb2.PushSkillRequest(org="local", artifact=archive("More."), message="more"))
    versions = client.skills.list_versions(skill_pb2.ListSkillVersionsInput(org="local", slug="tidy"))
    tagged = client.skills.get_by_reference(ResourceRef(org="local", slug="tidy", version="stable"))
    key = skill_pb2.GetArtifactRequest(artifact_storage_key=first.status.artifact_storage_key)
    return {
        "same": same.metadata.version.id == first.metadata.version.id,
        "previous": second.metadata.version.previous_version_id == first.status.version_hash,
        "versions": [(v.tag, v.is_current, v.message) for v in versions.versions],
        "tagged": tagged.status.version_hash == first.status.version_hash,
        "artifact": client.skills.get_artifact(key).artifact == archive(),
        "bad zip": code_of(client.skills.push, skill_pb2.PushSkillRequest(org="local", artifact=b"PK nonsense")),
        "nothing": code_of(client.skills.push, skill_pb2.PushSkillRequest(org="local")),
        "deleted": client.skills.delete(first.metadata.id).metadata.slug,
        "gone": code_of(client.skills.get_artifact, key),
    }


@case
def workflows(client):
    made = client.workflows.create(workflow("steps"))
    same = client.workflows.apply(workflow("steps"))
    changed = client.workflows.update(workflow("steps", "2"))
    versions = client.workflows.list_versions(version_pb2.ListWorkflowVersionsInput(org="local", slug="steps"))
    tag = version_pb2.TagWorkflowVersionInput(
        workflow_id=made.metadata.id, version_hash=made.status.version_hash, tag="v1"
    )
    client.workflows.tag_version(tag)
    old = client.workflows.get_by_reference(ResourceRef(org="local", slug="steps", version="v1"))
    bad = workflow("bad")
    bad.tasks[0].task_config = {}
    return {
        "hash": len(made.status.version_hash),
        "same": same.status.version_hash == made.status.version_hash,
        "versions": [v.is_current for v in versions.versions],
        "by tag": old.status.version_hash == made.status.version_hash != changed.status.version_hash,
        "valid": client.workflows.validate_spec(workflow("steps")).state,
        "invalid": code_of(client.workflows.create, bad),
        "no spec": code_of(client.workflows.create, WorkflowInput(name="no-spec", org="local", document=None)),
        "deleted": client.workflows.delete(made.metadata.id).metadata.slug,
        "gone": code_of(client.workflows.get, made.metadata.id),
    }


@case
def executions(client):
    made = client.workflows.create(workflow("runs"))
    run = client.workflow_executions.create(
        WorkflowExecutionInput(name="first-run", org="local", workflow_id=made.metadata.id)
    )
    request = execution_pb2.SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
    last = list(client.workflow_executions.subscribe(request))[-1]
    log = execution_pb2.SubscribeEventsRequest(execution_id=run.metadata.id)
    events = [event.event_type for event in client.workflow_executions.subscribe_events(log)]
    listed = client.workflow_executions.list_by_workflow(
        execution_pb2.ListWorkflowExecutionsByWorkflowRequest(workflow_id=made.metadata.id)
    )
    return {
        "phase": last.status.phase,
        "output": dict(last.status.output),
        "pinned": last.status.workflow_version_hash == made.status.version_hash,
        "events": [events[0], events[-1]],
        "listed": len(listed.entries),
        "cancel ended": code_of(client.workflow_executions.cancel, _cancel(run.metadata.id)),
        "neither": code_of(client.workflow_executions.create, WorkflowExecutionInput(name="lost", org="local")),
    }


def _cancel(execution_id):
    return execution_pb2.CancelWorkflowExecutionInput(id=execution_id, reason="enough")


@case
def searching(client):
    for number in range(5):
        client.agents.create(agent(f"finder {number}", description="looks for pearls"))
    page = client.search.query(SearchParams(kinds=[40], org="local", query="pearls", page=Page(num=1, size=2)))
    return {
        "total": page.total_count,
        "pages": page.total_pages,
        "entries": len(page.entries),
        "score": all(0 < entry.score <= 1 for entry in page.entries),
        "prefix": client.search.query(SearchParams(kinds=[40], org="local", query="pear")).total_count,
        "elsewhere": client.search.query(SearchParams(kinds=[40], org="other", query="pearls")).total_count,
        "nonsense": client.search.query(SearchParams(kinds=[], org="local", query='" OR * NEAR(')).total_count,
    }


def main(address, token):
    client = StigmerClient(token, base_url=address, insecure=True)
    seen = {}
    for name, function in CASES.items():
        try:
            seen[name] = function(client)
        except Exception:  # noqa: BLE001 - one case that raises leaves the others
            seen[name] = {"raised": traceback.format_exc()}
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
