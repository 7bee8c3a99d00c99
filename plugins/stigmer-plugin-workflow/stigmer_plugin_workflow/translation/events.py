"""Kinds that send events and wait for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation.values import evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place


def listen(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return a `listen`; a signal is an event whose type is the signal's name."""
    signals = config["to"]["signals"]
    for index, signal in enumerate(signals):
        if signal["type"] != "signal":
            place.refuse(f"to/signals/{index}/type", f"runs take no {signal['type']}", "signal")
    filters = [{"with": {"type": signal["id"]}} for signal in signals]
    if config["to"]["mode"] == "all":
        return {"listen": {"to": {"all": filters}}}
    return {"listen": {"to": {"one": filters[0]} if len(filters) == 1 else {"any": filters}}}


def emit_event(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return an `emit`, with a delivery behind it when the event goes elsewhere too."""
    emit: dict[str, Json] = {"emit": {"event": {"with": evaluated(config["event"])}}}
    if not config.get("delivery"):
        return emit
    targets = [evaluated(_target(target)) for target in config["delivery"]]
    return {"do": [{"emit": emit}, {"deliver": {"call": "stigmer:deliver", "with": {"targets": targets}}}]}


def _target(target: Mapping[str, Any]) -> dict[str, Json]:
    if "webhook" in target:
        return {"webhook": {"uri": target["webhook"]["url"], "headers": target["webhook"].get("headers", {})}}
    return {"signal": {"execution": target["signal"]["execution_id"], "name": target["signal"]["signal_name"]}}
