"""Kinds that make values and check them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation.schemas import require_schema
from stigmer_plugin_workflow.translation.values import evaluated, expression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place

_FAIL = {"VALIDATION_FAIL_BRANCH": "branch", "VALIDATION_FAIL_WARN": "warn"}


def set_vars(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return a `set`."""
    return {"set": evaluated(config["variables"])}


def transform(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return a `set` of one value, or the runner's own call of JSONata."""
    engine, text = config["engine"], config["expression"]
    if engine == "TRANSFORM_ENGINE_TEMPLATE":
        body: dict[str, Json] = {"set": evaluated(text)}
    elif engine == "TRANSFORM_ENGINE_JQ":
        body = {"set": expression(text)}
    else:
        body = {"call": "stigmer:jsonata", "with": {"expression": text}}
    return body | ({"input": {"from": expression(config["input"])}} if config.get("input") else {})


def validate(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own check of a value."""
    arguments: dict[str, Json] = {"input": expression(config["input"])}
    if "schema" in config:
        require_schema(config["schema"], place.at("schema"))
        arguments["schema"] = config["schema"]
    if not config.get("schema") and not config.get("rules"):
        place.refuse("rules", "a validation has a schema or rules")
    if config.get("rules"):
        arguments["rules"] = [_rule(rule) for rule in config["rules"]]
    arguments |= failing(config, place, _FAIL)
    return {"call": "stigmer:validate", "with": arguments}


def failing(
    config: Mapping[str, Any], place: Place, policies: Mapping[str, str], key: str = "on_fail"
) -> dict[str, Json]:
    """Return what a task does instead of failing: nothing, or `onFail` and the task to go on at."""
    policy = policies.get(config.get(key, ""), "")
    target = config.get("fallback_task", "")
    branches = policy in ("branch", "fallback")
    if branches and not target:
        place.refuse("fallback_task", f"is required by {config[key]}")
    if target and not branches:
        place.refuse("fallback_task", f"counts only with a policy of {key} that goes on there")
    return ({"onFail": policy} if policy else {}) | ({"fallback": target} if target else {})


def _rule(rule: Mapping[str, Any]) -> dict[str, Json]:
    made = {"name": rule["name"], "when": expression(rule["expression"])}
    return made | ({"message": evaluated(rule["message"])} if rule.get("message") else {})
