"""What the cases of several areas make: valid inputs by name."""

from __future__ import annotations

import io
import zipfile

from stigmer._gen._agent import AgentInput
from stigmer._gen._agentexecution import AgentExecutionInput
from stigmer._gen._agentinstance import AgentInstanceInput
from stigmer._gen._environment import EnvironmentInput
from stigmer._gen._mcpserver import McpServerInput, StdioServerConfigInput
from stigmer._gen._schedule import AgentInvocationInput, ScheduleInput
from stigmer._gen._session import SessionInput
from stigmer._gen._types import DeleteResourceInput, EnvVarInput, ResourceRef
from stigmer._gen._workflow import WorkflowDocumentInput, WorkflowInput, WorkflowTaskInput
from stigmer._gen._workflowexecution import WorkflowExecutionInput
from stigmer._gen._workflowinstance import WorkflowInstanceInput

INSTRUCTIONS = "Answer briefly and kindly."
SET, WAIT, RAISE, HUMAN_INPUT = 1, 10, 11, 16
PRIVATE, PUBLIC, ORG = 1, 2, 3
_DELETED_BY_RESOURCE = {"environments", "execution_contexts", "mcp_servers"}


def ref(slug, version=""):
    return ResourceRef(org="local", slug=slug, version=version)


def deletion(area, resource_id):
    """Return what a client's `delete` takes: a plain id, or for some kinds an input of its own."""
    return DeleteResourceInput(resource_id=resource_id) if area in _DELETED_BY_RESOURCE else resource_id


def agent(name, **more):
    return AgentInput(name=name, org="local", instructions=INSTRUCTIONS, **more)


def agent_instance(name, agent_id, **more):
    return AgentInstanceInput(name=name, org="local", agent_id=agent_id, **more)


def agent_run(**more):
    return AgentExecutionInput(name="", org="local", **{"message": "hello", **more})


def session(name, **more):
    return SessionInput(name=name, org="local", **more)


def environment(name, **more):
    data = {"URL": EnvVarInput(value="https://x"), "TOKEN": EnvVarInput(value="sesame", is_secret=True)}
    return EnvironmentInput(name=name, org="local", data=data, **more)


def mcp_server(name, *command, **more):
    program, *arguments = command or ("true",)
    return McpServerInput(name=name, org="local", stdio=StdioServerConfigInput(command=program, args=arguments), **more)


def schedule(name, slug, **more):
    asked = AgentInvocationInput(agent_ref=ref(slug), message="good morning")
    words = {"cron": "0 0 29 2 *", "time_zone": "UTC", "enabled": True, **more}
    return ScheduleInput(name=name, org="local", agent=asked, **words)


def task(name, kind, **config):
    return WorkflowTaskInput(name=name, kind=kind, task_config=config)


def workflow(name, value="1", tasks=()):
    document = WorkflowDocumentInput(dsl="1.0.0", namespace="tests", name=name, version="1.0.0")
    tasks = list(tasks) or [task("first", SET, variables={"value": value})]
    return WorkflowInput(name=name, org="local", document=document, tasks=tasks)


def workflow_instance(name, workflow_id, **more):
    return WorkflowInstanceInput(name=name, org="local", workflow_id=workflow_id, **more)


def workflow_run(**more):
    return WorkflowExecutionInput(name="", org="local", **more)


def skill_archive(text="Be brief.", name="tidy", ballast=b""):
    files = {"SKILL.md": f"---\nname: {name}\ndescription: Keeps tidy.\n---\n{text}\n"}
    return archive({**files, "ballast.bin": ballast} if ballast else files)


def archive(files):
    """Return a ZIP that is the same whenever its files are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in files.items():
            file.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()
