"""MCP servers, which are connected to, and schedules, which start runs."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import sdk_cases_inputs as inputs
from ai.stigmer.agentic.mcpserver.v1 import io_pb2 as mcp_pb2
from ai.stigmer.agentic.mcpserver.v1 import status_pb2 as mcp_status
from ai.stigmer.agentic.schedule.v1 import io_pb2 as schedule_pb2
from sdk_cases_recording import case, code_of, codes
from stigmer._gen._mcpserver import HttpServerConfigInput, McpServerInput
from stigmer._gen._types import ListParams

PATIENCE = 30.0
SERVER = """
import json, sys
INFO = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"}}
TOOLS = [{"name": "hammer", "description": "Hits nails.", "inputSchema": {"type": "object"}}]
ANSWERS = {"initialize": {"result": INFO}, "tools/list": {"result": {"tools": TOOLS}}}
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        answer = ANSWERS.get(message["method"], {"error": {"code": -32601, "message": "Method not found"}})
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer}), flush=True)
"""


def connection(server_id):
    return mcp_pb2.ConnectInput(mcp_server_id=server_id, org="local")


def settled(client, server_id):
    """Return a server once an attempt to connect to it has ended."""
    deadline = time.monotonic() + PATIENCE
    ended = (mcp_status.connect_phase_succeeded, mcp_status.connect_phase_failed)
    while (server := client.mcp_servers.get(server_id)).status.connect_status.phase not in ended:
        if time.monotonic() > deadline:
            raise TimeoutError(str(server.status))
        time.sleep(0.05)
    return server


@case
def mcp_servers(client):
    rpcs = client.mcp_servers
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "server.py"
        program.write_text(SERVER)
        made = rpcs.create(inputs.mcp_server("workbench", sys.executable, str(program), description="has tools"))
        connected = rpcs.connect(connection(made.metadata.id))
        yield "tools", [one.name for one in connected.status.discovered_capabilities.tools], ["hammer"]
        started = rpcs.start_connect(connection(made.metadata.id))
        yield "started", started.metadata.id, made.metadata.id
        phase = settled(client, made.metadata.id).status.connect_status.phase
        yield "connected", phase, mcp_status.connect_phase_succeeded
    yield "listed", [one.slug for one in rpcs.list(ListParams(org="local", query="workbench")).entries], ["workbench"]
    yield "away", code_of(rpcs.connect, connection(made.metadata.id)), "FAILED_PRECONDITION"


@case
def mcp_server_errors(client):
    rpcs = client.mcp_servers
    nothing = McpServerInput(name="nothing", org="local")
    nowhere = McpServerInput(name="nowhere", org="local", http=HttpServerConfigInput(url="no url"))
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.create, nothing),
        (rpcs.create, nowhere),
        (rpcs.connect, mcp_pb2.ConnectInput()),
        (rpcs.start_connect, mcp_pb2.ConnectInput()),
        (rpcs.list, ListParams(org="local", query="x" * 501)),
    )
    yield from codes("NOT_FOUND", (rpcs.connect, connection("mcp_none")), (rpcs.start_connect, connection("mcp_none")))


@case
def mcp_servers_without_oauth(client):
    rpcs, server, resource = client.mcp_servers, {"mcp_server_id": "m", "org": "o"}, {"resource_id": "m", "org": "o"}
    secret = {"client_id": "c", "client_secret": "s"}
    done = mcp_pb2.CompleteOAuthConnectInput(mcp_server_id="m", authorization_code="c", state="s")
    yield from codes(
        "UNIMPLEMENTED",
        (rpcs.initiate_o_auth_connect, mcp_pb2.InitiateOAuthConnectInput(**server)),
        (rpcs.complete_o_auth_connect, done),
        (rpcs.disconnect_o_auth, mcp_pb2.DisconnectOAuthInput(**resource)),
        (rpcs.set_org_o_auth_app, mcp_pb2.SetOrgOAuthAppInput(**resource, **secret)),
        (rpcs.delete_org_o_auth_app, mcp_pb2.DeleteOrgOAuthAppInput(**resource)),
        (rpcs.get_o_auth_grant_status, mcp_pb2.GetOAuthGrantStatusInput(**resource)),
        (rpcs.get_org_o_auth_app, mcp_pb2.GetOrgOAuthAppInput(**resource)),
    )


@case
def schedules(client):
    rpcs = client.schedules
    owner = client.agents.create(inputs.agent("Early Bird"))
    made = rpcs.create(inputs.schedule("mornings", "early-bird", labels={"when": "early"}))
    fired = rpcs.trigger(made.metadata.id)
    runs = rpcs.list_runs(schedule_pb2.ListScheduleRunsRequest(schedule_id=made.metadata.id))
    yield "next", made.status.HasField("next_fire_at"), True
    yield "fired", fired.outcome, schedule_pb2.SCHEDULE_RUN_OUTCOME_STARTED
    yield "run", client.agent_executions.get(fired.execution_id).spec.agent_id, owner.metadata.id
    yield "history", (runs.total_count, runs.items[0].execution_id), (1, fired.execution_id)
    by_agent = schedule_pb2.GetSchedulesByAgentRequest(agent_id=owner.metadata.id)
    yield "by agent", [one.metadata.slug for one in rpcs.get_by_agent(by_agent).items], ["mornings"]
    labelled = schedule_pb2.ListSchedulesRequest(org="local", labels={"when": "early"})
    yield "listed", [one.metadata.slug for one in rpcs.list(labelled).items], ["mornings"]
    yield "resumed", rpcs.resume(made.metadata.id).metadata.id, made.metadata.id
    off = rpcs.update(inputs.schedule("mornings", "early-bird", enabled=False))
    yield "off", (off.spec.enabled, code_of(rpcs.trigger, made.metadata.id)), (False, "FAILED_PRECONDITION")
    client.agents.create(inputs.agent("Night Owl"))
    yield "another agent", code_of(rpcs.update, inputs.schedule("mornings", "night-owl")), "FAILED_PRECONDITION"


@case
def schedule_errors(client):
    rpcs = client.schedules
    client.agents.create(inputs.agent("Punctual"))
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.create, inputs.schedule("wrong", "punctual", cron="61 * * * *")),
        (rpcs.create, inputs.schedule("wrong", "punctual", time_zone="Europe/Bonn")),
        (rpcs.list, schedule_pb2.ListSchedulesRequest()),
        (rpcs.list_runs, schedule_pb2.ListScheduleRunsRequest()),
        (rpcs.get_by_agent, schedule_pb2.GetSchedulesByAgentRequest()),
    )
    yield "no agent", code_of(rpcs.create, inputs.schedule("wrong", "nowhere")), "FAILED_PRECONDITION"
    runs = schedule_pb2.ListScheduleRunsRequest(schedule_id="sch_none")
    yield from codes("NOT_FOUND", (rpcs.resume, "sch_none"), (rpcs.trigger, "sch_none"), (rpcs.list_runs, runs))
