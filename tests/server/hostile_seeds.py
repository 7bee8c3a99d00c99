"""One valid request for most methods that write: what the traffic starts from, refers to and changes."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64encode

import yaml

AGENTIC = "agentic.stigmer.ai/v1"
TASK_KINDS = "/ai.stigmer.agentic.workflow.v1.TaskKindRegistryQueryController/getTaskKindRegistry"
DSL = {
    "document": {"dsl": "1.0.3", "namespace": "tests", "name": "dsl", "version": "1.0.0"},
    "do": [
        {"first": {"set": {"total": "${ 1 + 1 }"}}},
        {"loop": {"for": {"each": "n", "in": "[1, 2]"}, "do": [{"rest": {"wait": {"milliseconds": 1}}}]}},
        {"waits": {"wait": {"hours": 1}}},
    ],
}
SETTING = {"name": "first", "kind": "set_vars", "taskConfig": {"variables": {"a": "1"}}}
WRITES = ("create", "apply", "update", "validateSpec")
SKILL = {"SKILL.md": "---\nname: tidy\ndescription: d\n---\nBe brief.\n"}
BUNDLE = {
    ".claude-plugin/plugin.json": json.dumps({"name": "tools", "version": "1.0.0", "description": "Useful."}),
    "skills/review/SKILL.md": "---\nname: review\ndescription: About it.\n---\nBe brief.\n",
    "agents/helper.md": "---\nname: helper\ndescription: Helps.\n---\nHelp whoever asks, kindly.\n",
    ".mcp.json": json.dumps({"mcpServers": {"three": {"command": "stigmer-no-such-program"}}}),
}


def archive(files):
    """Return the ZIP of files by path."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for path, content in files.items():
            made.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


ARCHIVES = (archive(SKILL), archive(BUNDLE), archive({"../up": "x"}), archive({}))


def manifest(kind, name, spec, api_version=AGENTIC):
    """Return a resource as an object."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "org": "local"}, "spec": spec}


def path(package, service, rpc="create"):
    """Return the path of an RPC of the API."""
    return f"/ai.stigmer.{package}.v1.{service}Controller/{rpc}"


def _workflow(name, tasks):
    document = {"dsl": "1.0.0", "namespace": "tests", "name": name, "version": "1.0.0"}
    return manifest("Workflow", name, {"document": document, "tasks": tasks})


def seeds(round_number=0):
    """Return requests by label, path and JSON; the text `<label>` stands for the id in the answer to an earlier one.

    Names are other ones in each round.
    """
    b64 = [b64encode(one).decode() for one in ARCHIVES]
    reference = {"org": "local", "kind": "agent", "slug": f"alpha-{round_number}"}
    held = manifest("WorkflowExecution", "held", {"workflowId": "<waits>"})
    call = {"id": "call-1", "name": "shell", "status": "TOOL_CALL_WAITING_APPROVAL", "toolKind": "TOOL_KIND_SHELL"}
    waiting = {
        "phase": "EXECUTION_WAITING_FOR_APPROVAL",
        "messages": [{"type": "MESSAGE_AI", "content": "thinking", "toolCalls": [call]}],
        "artifacts": [{"name": "a", "storageKey": "artifacts/<run>/a", "sizeBytes": "3"}],
        "fileChangeSets": [{"id": "set-1", "status": "FILE_CHANGE_SET_STATUS_AWAITING_REVIEW", "aggregateDigest": "d"}],
    }
    resources = _resources(reference)
    for _, _, body in resources:
        body["metadata"]["name"] += f" {round_number}"
    made = [(label, path(package, f"{body['kind']}Command"), body) for label, package, body in resources]
    artifact = {"contentType": "text/plain", "displayName": "notes", "source": {"agentExecutionId": "<run>"}}
    upload = {"filename": "notes.txt", "content": b64[0], "contentType": "text/plain"}
    agent_run = ("agentic.agentexecution", "AgentExecutionCommand")
    remembering = manifest("Organization", "local", {"preferences": {"memoryEnabled": True}}, "tenancy.stigmer.ai/v1")
    return [
        ("local", path("tenancy.organization", "OrganizationCommand", "apply"), remembering),
        *made,
        ("waits", "/stigmer.core.v1.ResourceService/Apply", {"json": json.dumps(DSL)}),
        ("held", path("agentic.workflowexecution", "WorkflowExecutionCommand"), held),
        ("skill", path("agentic.skill", "SkillCommand", "push"), {"org": "local", "artifact": b64[0]}),
        ("bundle", path("agentic.plugin", "PluginCommand", "push"), {"org": "local", "artifact": b64[1]}),
        ("artifact", path("agentic.artifact", "ArtifactCommand"), {"spec": artifact, "content": b64[0]}),
        ("upload", path(*agent_run, "uploadAttachment"), upload),
        ("waiting", path(*agent_run, "updateStatus"), {"executionId": "<run>", "status": waiting}),
        ("ran", "/stigmer.workflow.v1.WorkflowDocumentController/execute", {"document": json.dumps(DSL)}),
    ]


def _resources(reference):
    """Return a resource of most kinds, by label and package."""
    return [
        ("organization", "tenancy.organization", manifest("Organization", "Other", {}, "tenancy.stigmer.ai/v1")),
        ("agent", "agentic.agent", manifest("Agent", "alpha", {"instructions": "be helpful at all times"})),
        ("environment", "agentic.environment", _environment()),
        ("agentinstance", "agentic.agentinstance", manifest("AgentInstance", "in", {"agentId": "<agent>"})),
        ("session", "agentic.session", manifest("Session", "talk", {"agentInstanceId": "<agentinstance>"})),
        ("run", "agentic.agentexecution", manifest("AgentExecution", "run", {"agentId": "<agent>", "message": "hi"})),
        ("context", "agentic.executioncontext", _context()),
        ("apikey", "iam.apikey", manifest("ApiKey", "key", {"neverExpires": True}, "iam.stigmer.ai/v1")),
        ("stdio", "agentic.mcpserver", manifest("McpServer", "one", {"stdio": {"command": "stigmer-no-such-program"}})),
        ("http", "agentic.mcpserver", manifest("McpServer", "two", {"http": {"url": "https://name.invalid/mcp"}})),
        ("memory", "agentic.memory", manifest("Memory", "tea", {"content": "prefers tea"})),
        ("schedule", "agentic.schedule", _schedule(reference)),
        ("workflow", "agentic.workflow", _workflow("steps", [SETTING])),
        ("workflowinstance", "agentic.workflowinstance", _instance()),
        (
            "workflowrun",
            "agentic.workflowexecution",
            manifest("WorkflowExecution", "ran", {"workflowId": "<workflow>"}),
        ),
    ]


def first_tries():
    """Return requests by path that an installation may refuse, and that are worth to be changed all the same."""
    stored = {"executionId": "<run>", "storageKey": "artifacts/<run>/a"}
    approval = {"agentExecutionId": "<run>", "toolCallId": "call-1", "action": "APPROVAL_ACTION_APPROVE"}
    decision = {
        "agentExecutionId": "<run>",
        "changeSetId": "set-1",
        "scope": "FILE_DECISION_SCOPE_CHANGE_SET",
        "action": "FILE_DECISION_ACTION_APPROVE",
        "expectedDigest": "d",
    }
    usage = {"totalTokens": str(2**63 - 1), "turnCount": 2**31 - 1, "estimatedCostUsd": "Infinity", "model": "a/b"}
    spent = {"executionId": "<run>", "status": {"streamingUsage": usage}}
    odd = manifest("AgentExecution", "odd", {"message": "hi", "sessionSpec": {"subject": "s", "harness": 99}})
    event = {"eventId": "e", "eventType": "execution_started", "sequenceNumber": str(2**63 - 1), "occurredAt": "now"}
    logged = {"executionId": "<held>", "status": {"startedAt": "soon"}, "events": [event]}
    agent_run = ("agentic.agentexecution", "AgentExecutionCommand")
    agent_query = ("agentic.agentexecution", "AgentExecutionQuery")
    return [
        (path(*agent_query, "getArtifactContent"), stored),
        (path("agentic.skill", "SkillCommand", "pushFromExecutionArtifact"), {"org": "local", **stored}),
        (path(*agent_run, "submitFileDecision"), decision),
        (path(*agent_run, "submitApproval"), approval),
        (path(*agent_run, "updateStatus"), spent),
        (path(*agent_run), odd),
        (path("agentic.workflowexecution", "WorkflowExecutionCommand", "updateStatus"), logged),
        *((path("agentic.workflow", "WorkflowCommand", rpc), _workflow("steps", [SETTING])) for rpc in WRITES),
    ]


def _environment():
    data = {"URL": {"value": "https://x"}, "KEY": {"value": "s", "isSecret": True}}
    return manifest("Environment", "env", {"data": data})


def _context():
    data = {"KEY": {"value": "s", "isSecret": True}}
    return manifest("ExecutionContext", "ctx", {"executionId": "<run>", "data": data})


def _schedule(reference):
    invocation = {"agentRef": reference, "message": "hello"}
    spec = {"cron": "0 9 * * 1-5", "timeZone": "UTC", "enabled": True, "agent": invocation}
    return manifest("Schedule", "daily", spec)


def _instance():
    return manifest("WorkflowInstance", "winst", {"workflowId": "<workflow>"})


def task_seeds(registry):
    """Return a workflow of each example in the registry of task kinds; none reaches a host that exists."""
    made = []
    for descriptor in registry.descriptors:
        for example in descriptor.yaml_examples:
            text = example.replace("example.com", "name.invalid")
            tasks = yaml.safe_load(text)
            tasks = tasks if isinstance(tasks, list) else [tasks]
            name = f"kind-{len(made)}"
            made.append((path("agentic.workflow", "WorkflowCommand"), _workflow(name, tasks)))
    return made
