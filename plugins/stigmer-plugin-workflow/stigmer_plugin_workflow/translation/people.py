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


def human_input(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own question to a person."""
    if config.get("notification_channels"):
        place.refuse("notification_channels", "no channel is there in this version", "put a notification task before")
    question: dict[str, Json] = {"prompt": evaluated(config["prompt"])}
    if config.get("form_schema"):
        require_schema(config["form_schema"], place.at("form_schema"))
        question["formSchema"] = config["form_schema"]
    question |= {"outcomes": config["outcomes"]} if config.get("outcomes") else {}
    question |= {"approvers": config["approvers"]} if config.get("approvers") else {}
    question |= {"payload": evaluated(config["payload"])} if "payload" in config else {}
    question |= {"uiHint": config["ui_hint"]} if config.get("ui_hint") else {}
    question |= _on_timeout(config, place)
    body: dict[str, Json] = {"call": "stigmer:human", "with": question}
    return body | ({"timeout": {"after": {"seconds": config["timeout"]}}} if config.get("timeout") else {})


def _on_timeout(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    policy = config.get("on_timeout", "HUMAN_INPUT_TIMEOUT_FAIL")
    if policy == "HUMAN_INPUT_TIMEOUT_FAIL":
        return {}
    outcome = _ON_TIMEOUT.get(policy)
    if outcome is None:
        place.refuse("on_timeout", f"{policy} is not supported by this version", "there is nobody else to ask")
    if not config.get("timeout"):
        place.refuse("on_timeout", "counts only with a timeout")
    declared = [one["name"] for one in config.get("outcomes", ())] or ["approve", "deny"]
    if outcome not in declared:
        place.refuse("on_timeout", f"the outcomes have no {outcome!r}", f"one of {', '.join(declared)}")
    return {"onTimeout": outcome}


def notification(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own message to webhooks."""
    if config["channel"] != "webhook":
        place.refuse("channel", f"there is no channel {config['channel']!r} in this version", "webhook")
    if config.get("template"):
        place.refuse("template", "the channel webhook has no templates")
    message = {key: evaluated(config[key]) for key in ("subject", "body", "metadata") if config.get(key)}
    return {"call": "stigmer:notify", "with": {"recipients": evaluated(config["recipients"]), "message": message}}
