"""Kinds that ask agents and models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation.data import failing
from stigmer_plugin_workflow.translation.schemas import require_schema
from stigmer_plugin_workflow.translation.values import evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place

_INVALID = {"ON_INVALID_RETRY": "retry", "ON_INVALID_FALLBACK": "fallback"}
_GRADE = {"EVAL_FAIL_BRANCH": "branch", "EVAL_FAIL_WARN": "warn"}
_MOST_RETRIES = 5


def agent_call(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own call of an agent."""
    call: dict[str, Json] = {"agent": config["agent"], "message": evaluated(config["message"])}
    call |= {"env": evaluated(config["env"])} if config.get("env") else {}
    names = {
        "run_config": "config",
        "harness": "harness",
        "workspace_entries": "workspaceEntries",
        "environment_refs": "environmentRefs",
    }
    call |= {name: config[key] for key, name in names.items() if config.get(key)}
    if "output" in config:
        contract, at = config["output"], place.at("output")
        require_schema(contract["schema"], at.at("schema"))
        call["output"] = {"schema": contract["schema"], **_invalid(contract, at)}
    return {"call": "stigmer:agent", "with": call}


def llm_call(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own call of a model."""
    call: dict[str, Json] = {"model": config["model"], "prompt": evaluated(config["prompt"])}
    call |= {"system": evaluated(config["system_prompt"])} if config.get("system_prompt") else {}
    if config.get("response_schema"):
        require_schema(config["response_schema"], place.at("response_schema"))
        call["output"] = {"schema": config["response_schema"], **_invalid(config, place)}
    elif any(config.get(key) for key in ("on_invalid", "max_retries", "fallback_task")):
        place.refuse("response_schema", "is required by what is said of answers that do not fit")
    call |= {"temperature": config["temperature"]} if config.get("temperature") else {}
    call |= {"maxTokens": config["max_tokens"]} if config.get("max_tokens") else {}
    call |= _limits(config)
    body: dict[str, Json] = {"call": "stigmer:llm", "with": call}
    return body | ({"timeout": {"after": {"seconds": config["timeout"]}}} if config.get("timeout") else {})


def grade(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own call of a model that grades; a kind named `eval`."""
    many = config.get("scoring_mode") == "EVAL_MULTI_CRITERIA"
    if many != bool(config.get("criteria")):
        place.refuse("criteria", "belong to EVAL_MULTI_CRITERIA, and it needs them")
    call: dict[str, Json] = {key: config[key] for key in ("model", "rubric")}
    call["subject"] = evaluated(config["subject"])
    call |= {"system": evaluated(config["system_prompt"])} if config.get("system_prompt") else {}
    scoring = {"EVAL_NUMERIC_SCORE": "score", "EVAL_MULTI_CRITERIA": "criteria"}
    call["scoring"] = scoring.get(config.get("scoring_mode", ""), "pass")
    call |= {key: config[key] for key in ("threshold", "criteria") if config.get(key)}
    call |= failing(config, place, _GRADE) | _limits(config)
    return {"call": "stigmer:llm", "with": call}


def _invalid(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    options = failing(config, place, _INVALID, "on_invalid")
    retries = config.get("max_retries", 0)
    if options.get("onFail") == "retry":
        return options | {"retries": retries or _MOST_RETRIES}
    if retries:
        place.refuse("max_retries", "counts only with ON_INVALID_RETRY")
    return options


def _limits(config: Mapping[str, Any]) -> dict[str, Json]:
    limits = {"maxCostMicros": config.get("max_cost_micros"), "maxTotalTokens": config.get("max_total_tokens")}
    return {name: int(value) for name, value in limits.items() if value}
