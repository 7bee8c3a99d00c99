"""The activities of workflows: everything that a program may ask for, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from stigmer_core.program import Activity
    from stigmer_plugin_workflow_runner.activities.process import Processes
    from stigmer_plugin_workflow_runner.notifications import Notifications
    from stigmer_plugin_workflow_runner.wiring import Wiring

# What works with the store and the services of the installation, or with what only its owner has configured.
HOME = frozenset({"agent_call", "deliver", "find_workflow", "start_workflow", "publish", "subscribe", "notify"})
SHORT = frozenset({"find_workflow", "subscribe"})  # they read or write a few rows, and change nothing when repeated


def activities(
    wiring: Wiring,
    *,
    allow: Sequence[str] = (),
    transport: httpx.AsyncBaseTransport | None = None,
    sandbox: str = "auto",
    notifications: Notifications | None = None,
) -> Mapping[str, Activity]:
    """Return every activity.

    Args:
        wiring: what they work with.
        allow: hosts and networks that may be reached although they are private or loopback.
        transport: what carries HTTP requests instead of the network, for tests.
        sandbox: the setting of that name, for processes.
        notifications: the channels of the configuration.
    """
    from stigmer_plugin_workflow_runner.activities.a2a import A2aActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.asyncapi import AsyncApiActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.descriptions import Descriptions  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.events import Events  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.function import FunctionActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.grpc import GrpcActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity  # noqa: PLC0415 - with the first runner
    from stigmer_plugin_workflow_runner.activities.mcp import McpActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.notify import notify_activity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.openapi import OpenApiActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.process import Processes  # noqa: PLC0415

    events = Events(wiring)
    http = HttpActivity(allow=allow, transport=transport)
    descriptions = Descriptions(http)
    processes = Processes(sandbox=sandbox, network=bool(allow))
    found: dict[str, Activity] = {
        "http": http,
        "a2a": A2aActivity(http, descriptions),
        "openapi": OpenApiActivity(http, descriptions),
        "asyncapi": AsyncApiActivity(http, descriptions),
        "function": FunctionActivity(http),
        "schema": FunctionActivity(http, what="schema"),
        "grpc": GrpcActivity(http, processes, allow=allow, transport=transport),
        "notify": notify_activity(notifications, http, allow=allow, transport=transport),
        "mcp": McpActivity(processes, allow=allow, transport=transport),
        **_in_processes(processes, http, network=bool(allow)),
        **_of_this_server(wiring, http),
        "publish": events.publish,
        "subscribe": events.subscribe,
    }
    return {name: wiring.with_secrets(activity) for name, activity in found.items()}


def _in_processes(processes: Processes, http: Activity, *, network: bool) -> Mapping[str, Activity]:
    """Return those that run in processes of their own."""
    from stigmer_plugin_workflow_runner.activities.container import ContainerActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.jsonata import JsonataActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.script import ScriptActivity  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.shell import ShellActivity  # noqa: PLC0415

    return {
        "container": ContainerActivity(processes, network=network),
        "jsonata": JsonataActivity(processes),
        "script": ScriptActivity(processes, http),
        "shell": ShellActivity(processes),
    }


def _of_this_server(wiring: Wiring, http: Activity) -> Mapping[str, Activity]:
    """Return those that work with what is stored here."""
    from stigmer_plugin_workflow_runner.activities.agents import AgentCall  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.delivery import Deliver  # noqa: PLC0415
    from stigmer_plugin_workflow_runner.activities.workflows import FindWorkflow, StartWorkflow  # noqa: PLC0415

    return {
        "agent_call": AgentCall(wiring),
        "deliver": Deliver(wiring, http),
        "find_workflow": FindWorkflow(wiring),
        "start_workflow": StartWorkflow(wiring),
    }
