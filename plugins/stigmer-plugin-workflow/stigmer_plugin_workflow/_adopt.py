"""A plain CNCF DSL document as a Workflow manifest.

Each top-level task becomes a WorkflowTask whose `task_config` is the task as it was written; what the API's message
has no field for (input, output, timeout, use, ...) is kept in an annotation, whose presence also says so.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from stigmer_plugin_workflow._extent import require_bearable
from stigmer_plugin_workflow.translation.document import DOCUMENT_ANNOTATION

if TYPE_CHECKING:
    from stigmer_core.program import Json

# The DSL's discriminating key to the API's task kind. A task without a counterpart there is an `activity_call`.
_KINDS = {
    "set": "set_vars",
    "switch": "switch_case",
    "for": "for_each",
    "fork": "fork",
    "try": "try_catch",
    "listen": "listen",
    "wait": "wait",
    "raise": "raise_error",
    "run": "run_workflow",
    "emit": "emit_event",
}
_CALLS = {"http": "http_call", "grpc": "grpc_call"}


def is_dsl(document: Json) -> bool:
    """Return whether a document is a DSL document, which may have forgotten a section, rather than a manifest."""
    if not isinstance(document, dict) or "kind" in document:
        return False
    return "do" in document or isinstance(document.get("document"), dict)


def adopt_dsl(document: Json) -> Json | None:
    """Return a Workflow manifest for a DSL document, or None for anything else.

    Raises:
        InvalidArgumentError: it is too large.
    """
    if not is_dsl(document):
        return None
    require_bearable(document)
    header = document["document"] if isinstance(document.get("document"), dict) else {}
    rest = {key: value for key, value in document.items() if key != "do"}
    tasks = document["do"] if isinstance(document.get("do"), list) else []
    name = str(header.get("name") or "unnamed")
    return {
        "apiVersion": "agentic.stigmer.ai/v1",
        "kind": "Workflow",
        "metadata": {"name": name, "annotations": {DOCUMENT_ANNOTATION: json.dumps(rest, sort_keys=True)}},
        "spec": {
            "description": str(header.get("summary") or ""),
            "document": {
                "dsl": "1.0.0",  # the only value that the API's own rule admits; the annotation has the real one
                "namespace": str(header.get("namespace") or "default"),
                "name": name,
                "version": str(header.get("version") or "0.1.0"),
            },
            "tasks": [_task(item, index) for index, item in enumerate(tasks)],
        },
    }


def _task(item: Json, index: int) -> Json:
    name, body = next(iter(item.items()), ("", {})) if isinstance(item, dict) else ("", {})
    spelled = re.sub(r"[^A-Za-z0-9_]", "_", str(name)) or f"task_{index}"
    if not re.match(r"[A-Za-z_]", spelled):
        spelled = f"_{spelled}"
    config = item if isinstance(item, dict) and item else {f"task_{index}": item}
    return {"name": spelled, "kind": _kind(body), "task_config": config}


def _kind(body: Json) -> str:
    if not isinstance(body, dict):
        return "activity_call"
    if "call" in body:
        return _CALLS.get(str(body["call"]), "activity_call")
    return next((kind for key, kind in _KINDS.items() if key in body), "activity_call")
