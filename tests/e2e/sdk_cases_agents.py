"""Agents, their instances, and the sessions in which they run."""

from __future__ import annotations

import sdk_cases_inputs as inputs
from ai.stigmer.agentic.agentinstance.v1 import io_pb2 as instance_pb2
from ai.stigmer.agentic.session.v1 import io_pb2 as session_pb2
from ai.stigmer.commons.apiresource import io_pb2
from sdk_cases_recording import case, code_of, codes
from stigmer._gen._agent import AgentInput, McpServerUsageInput, SubAgentInput
from stigmer._gen._agentexecution import (
    GitRepoSourceInput,
    LocalPathSourceInput,
    WorkspaceEntryInput,
    WorkspaceSourceInput,
)
from stigmer._gen._types import ListParams, Page, ResourceRef


@case
def agents(client):
    made = client.agents.create(inputs.agent("Code Reviewer", description="reads"))
    updated = client.agents.update(inputs.agent("Code Reviewer", description="reads more"))
    applied = client.agents.apply(inputs.agent("Code Reviewer", description="reads all"))
    of_it = instance_pb2.GetAgentInstancesByAgentRequest(agent_id=made.metadata.id)
    instances = client.agent_instances.get_by_agent(of_it)
    listed = client.agents.list(ListParams(org="local", query="reads"))
    audit = applied.status.audit.spec_audit
    yield "slug", made.metadata.slug, "code-reviewer"
    yield "prefix", made.metadata.id[:4], "agt_"
    yield "default instance", [one.metadata.slug for one in instances.items], ["code-reviewer-default"]
    yield "updated", updated.spec.description, "reads more"
    yield "audit", (audit.event, audit.created_by.id), ("updated", "local")
    yield "listed", [entry.slug for entry in listed.entries if entry.slug == "code-reviewer"], ["code-reviewer"]
    yield "deleted", client.agents.delete(made.metadata.id).spec.description, "reads all"
    yield "orphans", len(client.agent_instances.get_by_agent(of_it).items), 0


@case
def agents_with_parts(client):
    """Every list that an agent can have goes there and back."""
    client.mcp_servers.apply(inputs.mcp_server("toolbox"))
    usage = McpServerUsageInput(mcp_server_ref=inputs.ref("toolbox"), enabled_tools=["hammer"])
    helper = SubAgentInput(name="helper", description="helps", instructions=inputs.INSTRUCTIONS)
    made = client.agents.create(inputs.agent("equipped", mcp_server_usages=[usage], sub_agents=[helper]))
    read = client.agents.get(made.metadata.id)
    yield "tools", list(read.spec.mcp_server_usages[0].enabled_tools), ["hammer"]
    yield "helper", [one.name for one in read.spec.sub_agents], ["helper"]
    missing = McpServerUsageInput(mcp_server_ref=inputs.ref("nowhere"))
    asked = inputs.agent("unequipped", mcp_server_usages=[missing])
    yield "missing server", code_of(client.agents.create, asked), "FAILED_PRECONDITION"


@case
def agent_errors(client):
    rpcs = client.agents
    missing_skill = inputs.agent("no-skill", skill_refs=[inputs.ref("nowhere")])
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.create, AgentInput(name="x1", org="local", instructions="no")),
        (rpcs.create, inputs.agent("public", visibility=inputs.PUBLIC)),
        (rpcs.apply, inputs.agent("7 dwarfs")),
        (rpcs.list, ListParams(org="local", query="x" * 501)),
    )
    yield "missing skill", code_of(rpcs.create, missing_skill), "FAILED_PRECONDITION"


@case
def agent_instances(client):
    rpcs = client.agent_instances
    owner = client.agents.create(inputs.agent("Instantiated"))
    client.environments.apply(inputs.environment("Staging"))
    more = {"environment_refs": [inputs.ref("staging")], "labels": {"stage": "test"}}
    made = rpcs.create(inputs.agent_instance("for staging", owner.metadata.id, **more))
    default = rpcs.get(owner.status.default_instance_id)
    labelled = instance_pb2.ListAgentInstancesRequest(org="local", labels={"stage": "test"})
    yield "environment", [one.slug for one in made.spec.environment_refs], ["staging"]
    yield "listed", [one.metadata.slug for one in rpcs.list(labelled).items], ["for-staging"]
    to_org = io_pb2.UpdateVisibilityInput(resource_id=default.metadata.id, visibility=inputs.ORG)
    lost = inputs.agent_instance("lost", "agt_none")
    nowhere = inputs.agent_instance("nowhere", owner.metadata.id, environment_refs=[inputs.ref("nowhere")])
    yield from codes("NOT_FOUND", (rpcs.create, lost))
    yield from codes("FAILED_PRECONDITION", (rpcs.update_visibility, to_org), (rpcs.create, nowhere))
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.list, instance_pb2.ListAgentInstancesRequest()),
        (rpcs.get_by_agent, instance_pb2.GetAgentInstancesByAgentRequest()),
    )


@case
def sessions(client):
    rpcs = client.sessions
    owner = client.agents.create(inputs.agent("Host"))
    instance = owner.status.default_instance_id
    made = [rpcs.create(inputs.session(f"talk {number}", agent_instance_id=instance)) for number in range(3)]
    renamed = rpcs.update_subject(session_pb2.UpdateSessionSubjectRequest(id=made[0].metadata.id, subject="tea"))
    yield "renamed", renamed.spec.subject, "tea"
    request = session_pb2.ListSessionsByAgentInstanceRequest(agent_instance_id=instance, page_size=2)
    first = rpcs.list_by_agent_instance(request)
    request.page_token = first.next_page_token
    pages = [one.metadata.slug for page in (first, rpcs.list_by_agent_instance(request)) for one in page.entries]
    yield "pages", pages, ["talk-2", "talk-1", "talk-0"]
    by_channel = session_pb2.ListSessionsByChannelRequest(channel_id="C1")
    yield "by channel", len(rpcs.list_by_channel(by_channel).entries), 0
    listed = rpcs.list(session_pb2.ListSessionsRequest(org="local", page_size=100))
    yield "listed", {one.metadata.id for one in made} <= {one.metadata.id for one in listed.entries}, True


@case
def sessions_in_workspaces(client):
    """The SDK always sends a depth, 0 for a whole clone."""
    clone = GitRepoSourceInput(url="https://github.com/org/repo")
    entries = [
        WorkspaceEntryInput(name="code", source=WorkspaceSourceInput(git_repo=clone)),
        WorkspaceEntryInput(name="data", source=WorkspaceSourceInput(local_path=LocalPathSourceInput(path="/data"))),
    ]
    made = client.sessions.create(inputs.session("at work", workspace_entries=entries))
    read = client.sessions.get(made.metadata.id).spec.workspace_entries
    yield "sources", [one.source.WhichOneof("source") for one in read], ["git_repo", "local_path"]
    yield "depth", (read[0].source.git_repo.HasField("depth"), read[0].source.git_repo.depth), (True, 0)
    nothing = [WorkspaceEntryInput(name="nothing", source=WorkspaceSourceInput())]
    asked = inputs.session("nothing", workspace_entries=nothing)
    yield "no source", code_of(client.sessions.create, asked), "INVALID_ARGUMENT"


@case
def session_errors(client):
    rpcs = client.sessions
    settled = rpcs.create(inputs.session("settled", harness_state_id="h1"))
    other = inputs.session("settled", harness_state_id="h1", harness=2)
    yield "settled", (settled.spec.harness_state_id, code_of(rpcs.update, other)), ("h1", "FAILED_PRECONDITION")
    subject = session_pb2.UpdateSessionSubjectRequest
    yield from codes(
        "NOT_FOUND",
        (rpcs.create, inputs.session("lost", agent_instance_id="ain_none")),
        (rpcs.update_subject, subject(id="ses_none", subject="x")),
    )
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.update_subject, subject()),
        (rpcs.list, session_pb2.ListSessionsRequest(page_token="nonsense")),
        (rpcs.list, session_pb2.ListSessionsRequest(page_size=-1)),
        (rpcs.list_by_agent_instance, session_pb2.ListSessionsByAgentInstanceRequest()),
        (rpcs.list_by_channel, session_pb2.ListSessionsByChannelRequest()),
    )


@case
def searching(client):
    for number in range(5):
        client.agents.create(inputs.agent(f"finder {number}", description="looks for pearls"))
    page = client.agents.list(ListParams(org="local", query="pearls", page=Page(num=1, size=2)))
    beyond = client.agents.list(ListParams(org="local", query="pearls", page=Page(num=9, size=2)))
    yield "page", (page.total_count, page.total_pages, len(page.entries)), (5, 3, 2)
    yield "beyond", (beyond.total_count, len(beyond.entries)), (5, 0)
    yield "score", all(0 < entry.score <= 1 for entry in page.entries), True
    yield "elsewhere", client.agents.list(ListParams(org="other", query="pearls")).total_count, 0
    reference = ResourceRef(org=page.entries[0].org, slug=page.entries[0].slug)
    yield "found again", client.agents.get_by_reference(reference).metadata.id, page.entries[0].id
