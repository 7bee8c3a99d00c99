"""What translates each kind of task, and which kinds this version runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation import agents, calls, data, events, flow, people

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place

KINDS: Mapping[str, Callable[[Mapping[str, Any], Place], dict[str, Json]]] = {
    "set_vars": data.set_vars,
    "http_call": calls.http_call,
    "grpc_call": calls.grpc_call,
    "activity_call": calls.activity_call,
    "switch_case": flow.switch_case,
    "for_each": flow.for_each,
    "fork": flow.fork,
    "try_catch": flow.try_catch,
    "listen": events.listen,
    "wait": flow.wait,
    "raise_error": flow.raise_error,
    "run_workflow": calls.run_workflow,
    "agent_call": agents.agent_call,
    "llm_call": agents.llm_call,
    "transform": data.transform,
    "human_input": people.human_input,
    "validate": data.validate,
    "emit_event": events.emit_event,
    "notification": people.notification,
    "eval": agents.grade,
}
