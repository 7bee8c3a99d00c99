"""Kinds that ask people and tell them something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation.schemas import require_schema
from stigmer_plugin_workflow.translation.values import evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place

_ON_TIMEOUT = {"HUMAN_INPUT_TIMEOUT_APPROVE": "approve", "HUMAN_INPUT_TIMEOUT_DENY": "deny"}
_COPIED = {
    "outcomes": "outcomes",
    "approvers": "approvers",
    "ui_hint": "uiHint",
    "notification_channels": "channels",
}


def human_input(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own question to a person."""
    question: dict[str, Json] = {"prompt": evaluated(config["prompt"])}
    if config.get("form_schema"):
        require_schema(config["form_schema"], place.at("form_schema"))
        question["formSchema"] = config["form_schema"]
    for key, name in _COPIED.items():
        question |= {name: config[key]} if config.get(key) else {}
    question |= {"payload": evaluated(config["payload"])} if "payload" in config else {}
    question |= _on_timeout(config, place)
    body: dict[str, Json] = {"call": "stigmer:human", "with": question}
    return body | ({"timeout": {"after": {"seconds": config["timeout"]}}} if config.get("timeout") else {})


def _on_timeout(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    policy = config.get("on_timeout", "HUMAN_INPUT_TIMEOUT_FAIL")
    if policy == "HUMAN_INPUT_TIMEOUT_FAIL":
        return {}
    if not config.get("timeout"):
        place.refuse("on_timeout", "counts only with a timeout")
    if policy == "HUMAN_INPUT_TIMEOUT_ESCALATE":
        return {"escalate": True}
    outcome = _ON_TIMEOUT[policy]
    declared = [one["name"] for one in config.get("outcomes", ())] or ["approve", "deny"]
    if outcome not in declared:
        place.refuse("on_timeout", f"the outcomes have no {outcome!r}", f"one of {', '.join(declared)}")
    return {"onTimeout": outcome}


def notification(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return the runner's own message; which channels and templates there are, the runner knows."""
    message = {key: evaluated(config[key]) for key in ("subject", "body", "metadata") if config.get(key)}
    arguments: dict[str, Json] = {"recipients": evaluated(config["recipients"]), "message": message}
    arguments |= {"channel": config["channel"]} if config["channel"] != "webhook" else {}
    arguments |= {"template": config["template"]} if config.get("template") else {}
    return {"call": "stigmer:notify", "with": arguments}
