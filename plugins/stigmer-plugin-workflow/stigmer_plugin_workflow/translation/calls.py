"""Kinds that call something: over HTTP and gRPC, activities, other workflows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow.translation.values import evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place

_SERVICE = re.compile(r"(?P<host>\[[^\]]+\]|[^/:]+):(?P<port>\d{1,5})/(?P<name>[^/]+)")


def http_call(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return a `call: http`."""
    uri = evaluated(config["endpoint"]["uri"])
    call: dict[str, Json] = {"method": config["method"].lower(), "endpoint": {"uri": uri}}
    call |= {key: evaluated(config[key]) for key in ("headers", "body") if config.get(key)}
    body: dict[str, Json] = {"call": "http", "with": call}
    seconds = config.get("timeout_seconds")
    return body | ({"timeout": {"after": {"seconds": seconds}}} if seconds else {})


def grpc_call(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return a `call: grpc`. The API has no field for the host, so it stands before the service's name."""
    found = _SERVICE.fullmatch(config["service"])
    if found is None:
        place.refuse("service", "names no host to call", f"write host:port/{config['service'].rpartition('/')[2]}")
    service = {"name": found["name"], "host": found["host"].strip("[]"), "port": int(found["port"])}
    call: dict[str, Json] = {"service": service, "method": config["method"]}
    call |= {"arguments": evaluated(config["request"])} if config.get("request") else {}
    return {"call": "grpc", "with": call}


def activity_call(config: Mapping[str, Any], _: Place) -> dict[str, Json]:
    """Return the runner's own call of an activity."""
    return {
        "call": "stigmer:activity",
        "with": {"activity": config["activity"], "input": evaluated(config.get("input", {}))},
    }


def run_workflow(config: Mapping[str, Any], place: Place) -> dict[str, Json]:
    """Return the runner's own run of a workflow: the DSL knows no slugs."""
    if not re.fullmatch(r"([^/]+/)?[^/]+", config["workflow"]):
        place.refuse("workflow", "is neither a slug nor org/slug")
    given = {"input": evaluated(config["input"])} if config.get("input") else {}
    return {"call": "stigmer:workflow", "with": {"workflow": config["workflow"], **given}}
