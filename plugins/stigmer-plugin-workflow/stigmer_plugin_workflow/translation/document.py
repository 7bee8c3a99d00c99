"""The document of a workflow: its header, its budget and its tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1 import enum_pb2

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources.json_text import read_json
from stigmer_plugin_workflow.translation.heading import heading
from stigmer_plugin_workflow.translation.refusal import refuse
from stigmer_plugin_workflow.translation.tasks import Place, stored_config, top_level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json

DOCUMENT_ANNOTATION = "stigmer.ai/workflow-document"
BUDGET = "stigmer.ai/budget"  # in the metadata of the document's header
_SECONDS = "maxDurationSeconds"
_LIMITS = {
    "max_cost_micros": "maxCostMicros",
    "max_total_tokens": "maxTotalTokens",
    "max_duration_seconds": _SECONDS,
}
_POLICIES: Mapping[int, str] = {
    enum_pb2.budget_exceeded_policy_unspecified: "terminate",
    enum_pb2.budget_exceeded_terminate: "terminate",
    enum_pb2.budget_exceeded_human_review: "review",
    enum_pb2.budget_exceeded_warn: "warn",
}


def dsl_document(workflow: Any) -> dict[str, Json]:
    """Return the DSL document of a Workflow resource.

    Raises:
        UntranslatableError: a task's kind or configuration is none that can run.
    """
    spec = workflow.spec
    places = [Place(f"/spec/tasks/{index}", workflow.metadata.org) for index in range(len(spec.tasks))]
    kept = workflow.metadata.annotations.get(DOCUMENT_ANNOTATION)
    if kept:
        if spec.HasField("budget"):
            refuse("/spec/budget", "a DSL document has no budget", "use the tasks of the API")
        return {**_header(kept), "do": [stored_config(*task) for task in zip(spec.tasks, places, strict=True)]}
    header = heading(spec.document)
    document: dict[str, Json] = {"document": header, **_budget(spec.budget, header)}
    return document | {"do": [top_level(*task) for task in zip(spec.tasks, places, strict=True)]}


def _budget(budget: Any, header: dict[str, Json]) -> dict[str, Json]:
    """Put the limits into the header, and return the one of time that ends the run, which the DSL has."""
    fields = ("max_cost_micros", "max_total_tokens", "max_duration_seconds")
    for name in fields:
        if getattr(budget, name) < 0:
            refuse(f"/spec/budget/{name}", "is no limit", "0 for none")
    policy = _POLICIES.get(budget.on_exceeded)
    if policy is None:
        refuse("/spec/budget/on_exceeded", f"there is no policy {budget.on_exceeded}")
    limits = {_LIMITS[name]: getattr(budget, name) for name in fields if getattr(budget, name)}
    seconds = limits.pop(_SECONDS, 0) if policy == "terminate" else 0
    if limits:
        header["metadata"] = {BUDGET: limits | {"onExceeded": policy}}
    return {"timeout": {"after": {"seconds": seconds}}} if seconds else {}


def _header(text: str) -> dict[str, Json]:
    """Return what a DSL document has beside its tasks; a client may have written over the annotation."""
    where = f"/metadata/annotations/{DOCUMENT_ANNOTATION.replace('/', '~1')}"
    try:
        header = read_json(text, "annotation")
    except InvalidArgumentError as error:
        refuse(where, error.message)
    if not isinstance(header, dict):
        refuse(where, "is not a DSL document without its tasks")
    return header
