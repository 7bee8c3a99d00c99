"""Every kind passes the conformance kit."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from ai.stigmer.agentic.agent.v1.api_pb2 import Agent
from ai.stigmer.agentic.agentexecution.v1.api_pb2 import AgentExecution
from ai.stigmer.agentic.agentexecution.v1.io_pb2 import CancelAgentExecutionInput
from ai.stigmer.agentic.agentinstance.v1.api_pb2 import AgentInstance
from ai.stigmer.agentic.artifact.v1.io_pb2 import CreateArtifactInput
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.executioncontext.v1.api_pb2 import ExecutionContext
from ai.stigmer.agentic.mcpserver.v1.api_pb2 import McpServer
from ai.stigmer.agentic.memory.v1.api_pb2 import Memory
from ai.stigmer.agentic.plugin.v1.io_pb2 import PushPluginRequest
from ai.stigmer.agentic.schedule.v1.api_pb2 import Schedule
from ai.stigmer.agentic.session.v1.api_pb2 import Session
from ai.stigmer.agentic.skill.v1.api_pb2 import Skill
from ai.stigmer.agentic.workflow.v1.api_pb2 import Workflow
from ai.stigmer.agentic.workflowexecution.v1.api_pb2 import WorkflowExecution
from ai.stigmer.agentic.workflowexecution.v1.io_pb2 import SubscribeWorkflowExecutionRequest
from ai.stigmer.agentic.workflowinstance.v1.api_pb2 import WorkflowInstance
from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey
from ai.stigmer.tenancy.organization.v1.api_pb2 import Organization
from google.protobuf import json_format

from stigmer_core.testing.distributions import write_distribution
from stigmer_core.testing.kind_conformance import KindConformance

IDLE = """
    from stigmer_core import hookimpl
    from stigmer_core.program import CancelRequested, Fail, Failure, Runner, Step

    class Program:
        def start(self, input, now):
            return Step({}, [])

        def advance(self, state, event):
            failure = Failure("cancelled", "Cancelled")
            return Step({}, [Fail(failure, cancelled=True)] if isinstance(event, CancelRequested) else [])

    @hookimpl
    def stigmer_runners():
        return [Runner("agent", Program())]
"""
AGENTIC = "agentic.stigmer.ai/v1"


def filled(message, name, spec=None, api_version=AGENTIC):
    made = message()
    document = {"apiVersion": api_version, "kind": message.DESCRIPTOR.name, "metadata": {"name": name, "org": "local"}}
    return json_format.ParseDict({**document, "spec": spec or {}}, made)


class Described(KindConformance):
    """A kind whose spec has a description."""

    __test__ = False

    def change(self, resource):
        resource.spec.description += "another"


class TestOrganization(Described):
    __test__ = True
    kind = "Organization"

    def resource(self, name):
        return filled(Organization, name, api_version="tenancy.stigmer.ai/v1")


class TestAgent(Described):
    __test__ = True
    kind = "Agent"

    def resource(self, name):
        return filled(Agent, name, {"instructions": "be helpful at all times"})


class OfABlueprint(Described):
    """An instance: its blueprint is stored first."""

    __test__ = False
    blueprint = ""

    async def prepare(self, api):
        self.blueprint = await self.stored_blueprint(api)


class TestAgentInstance(OfABlueprint):
    __test__ = True
    kind = "AgentInstance"

    async def stored_blueprint(self, api):
        asked = filled(Agent, "blue", {"instructions": "be helpful at all times"})
        return (await api.call("ai.stigmer.agentic.agent.v1.AgentCommandController", "create", asked)).metadata.id

    def resource(self, name):
        return filled(AgentInstance, name, {"agentId": self.blueprint})


class TestWorkflowInstance(OfABlueprint):
    __test__ = True
    kind = "WorkflowInstance"

    async def stored_blueprint(self, api):
        command = "ai.stigmer.agentic.workflow.v1.WorkflowCommandController"
        return (await api.call(command, "create", workflow("blue"))).metadata.id

    def resource(self, name):
        return filled(WorkflowInstance, name, {"workflowId": self.blueprint})


def workflow(name):
    tasks = [{"name": "first", "kind": "set_vars", "taskConfig": {"variables": {"a": "1"}}}]
    document = {"dsl": "1.0.0", "namespace": "tests", "name": "steps", "version": "1.0.0"}
    return filled(Workflow, name, {"document": document, "tasks": tasks})


class TestWorkflow(Described):
    __test__ = True
    kind = "Workflow"

    def resource(self, name):
        return workflow(name)


class TestSession(KindConformance):
    kind = "Session"

    def resource(self, name):
        return filled(Session, name, {"subject": "talk"})

    def change(self, resource):
        resource.spec.subject += "another"


class TestEnvironment(Described):
    __test__ = True
    kind = "Environment"

    def resource(self, name):
        return filled(
            Environment, name, {"data": {"URL": {"value": "https://x"}, "KEY": {"value": "s", "isSecret": True}}}
        )


class TestExecutionContext(KindConformance):
    kind = "ExecutionContext"

    def resource(self, name):
        return filled(ExecutionContext, name, {"executionId": "wex_1", "data": {"URL": {"value": "https://x"}}})


class TestMcpServer(Described):
    __test__ = True
    kind = "McpServer"

    def resource(self, name):
        return filled(McpServer, name, {"stdio": {"command": "docs-server"}})


class TestSkill(KindConformance):
    kind = "Skill"

    def resource(self, name):
        slug = name.lower().replace(" ", "-")
        return filled(Skill, slug, {"skillMd": f"---\nname: {slug}\ndescription: About it.\n---\nBe brief.\n"})

    def change(self, resource):
        resource.spec.skill_md += "Be kind.\n"


class TestMemory(KindConformance):
    kind = "Memory"
    names_itself = True

    async def prepare(self, api):
        service = "ai.stigmer.tenancy.organization.v1.OrganizationCommandController"
        asked = filled(Organization, "local", {"preferences": {"memoryEnabled": True}}, "tenancy.stigmer.ai/v1")
        await api.call(service, "update", asked)

    def resource(self, name):
        return filled(Memory, name, {"content": "likes tea"})

    def change(self, resource):
        resource.spec.content += " and cake"


class TestApiKey(KindConformance):
    kind = "ApiKey"
    names_itself = True

    async def make(self, api, name):
        """Return the key as it is stored: the answer to `create` shows the secret, once."""
        return await self.stored(api, await super().make(api, name))

    def resource(self, name):
        return filled(ApiKey, name, api_version="iam.stigmer.ai/v1")

    def change(self, resource):
        resource.spec.never_expires = not resource.spec.never_expires


class TestSchedule(KindConformance):
    kind = "Schedule"

    async def prepare(self, api):
        asked = filled(Agent, "helper", {"instructions": "be helpful at all times"})
        await api.call("ai.stigmer.agentic.agent.v1.AgentCommandController", "create", asked)

    def resource(self, name):
        invocation = {"agentRef": {"kind": "agent", "slug": "helper", "org": "local"}, "message": "go"}
        return filled(Schedule, name, {"cron": "0 6 * * 1", "timeZone": "Europe/Berlin", "agent": invocation})

    def change(self, resource):
        resource.spec.cron = "30 7 * * 1"


class TestArtifact(KindConformance):
    kind = "Artifact"
    soft_delete = True

    async def make(self, api, name):
        asked = CreateArtifactInput(content=name.encode())
        asked.spec.display_name, asked.spec.content_type = name, "text/plain"
        asked.spec.source.workflow_execution_id = "wex_1"
        return await self.rpc(api, "create", asked)


class TestBundle(KindConformance):
    kind = "Plugin"

    async def make(self, api, name):
        slug = name.lower().replace(" ", "-")
        manifest = json.dumps({"name": slug, "description": f"About {name}."})
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(".claude-plugin/plugin.json", manifest)
        return await self.rpc(api, "push", PushPluginRequest(org="local", artifact=buffer.getvalue()))


class TestWorkflowExecution(KindConformance):
    """A run that has ended."""

    kind = "WorkflowExecution"
    names_itself = True
    lacks = ("create", "update")
    workflow_id = ""

    async def prepare(self, api):
        command = "ai.stigmer.agentic.workflow.v1.WorkflowCommandController"
        self.workflow_id = (await api.call(command, "create", workflow("blue"))).metadata.id

    async def make(self, api, name):
        run = await self.rpc(api, "create", filled(WorkflowExecution, name, {"workflowId": self.workflow_id}))
        request = SubscribeWorkflowExecutionRequest(execution_id=run.metadata.id)
        frames = [frame async for frame in api.stream(self.declared(api).services[1], "subscribe", request)]
        return frames[-1]


class TestAgentExecution(KindConformance):
    """A run that has ended, of a runner that does nothing."""

    kind = "AgentExecution"
    names_itself = True
    lacks = ("create", "update")

    @pytest.fixture(autouse=True)
    def _runner(self, tmp_path, monkeypatch):
        monkeypatch.syspath_prepend(write_distribution(tmp_path, "idle", IDLE))

    async def make(self, api, name):
        run = await self.rpc(api, "create", filled(AgentExecution, name, {"message": "hello"}))
        await self.rpc(api, "cancel", CancelAgentExecutionInput(id=run.metadata.id))
        return await self.stored(api, run)
