"""Descriptors of every kind of task, for editors and forms: made from the messages, once in a process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ai.stigmer.agentic.workflow.v1 import task_kind_descriptor_pb2 as pb
from ai.stigmer.agentic.workflow.v1 import task_kind_registry_query_pb2
from ai.stigmer.agentic.workflow.v1.enum_pb2 import WorkflowTaskKind

from stigmer_core import service_names
from stigmer_core.kind import Encoded
from stigmer_plugin_workflow._json_schema import message_schema
from stigmer_plugin_workflow._task_fields import FIELD_GROUPS, field_descriptor
from stigmer_plugin_workflow.translation.kinds import KINDS
from stigmer_plugin_workflow.translation.messages import config_messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor

(SERVICE,) = service_names(task_kind_registry_query_pb2)
_TABLE = Path(__file__).parent / "task_kinds.yaml"


class TaskKindQueries:
    """Serves `getTaskKindRegistry`."""

    async def get_task_kind_registry(self, request: pb.GetTaskKindRegistryRequest) -> Encoded:  # noqa: ARG002 - an RPC's shape
        """Return the descriptor of every kind of task, in the order of their numbers."""
        return Encoded(_registry())


@cache
def _registry() -> bytes:
    table = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    messages = config_messages()
    kinds = [name for name, number in WorkflowTaskKind.items() if number]
    descriptors = [_descriptor(kind, table[kind], messages) for kind in kinds]
    return pb.GetTaskKindRegistryResponse(descriptors=descriptors).SerializeToString(deterministic=True)


def _descriptor(kind: str, about: Mapping[str, Any], messages: Mapping[str, Descriptor]) -> pb.TaskKindDescriptor:
    message = messages[kind]
    descriptor = pb.TaskKindDescriptor(
        kind=WorkflowTaskKind.Value(kind),
        display_name=about["display_name"],
        description=about["description"] + ("" if kind in KINDS else " This version does not run it."),
        category=pb.TaskKindCategory.Value(f"TASK_KIND_CATEGORY_{about['category']}"),
        icon=about["icon"],
        config_proto_type=message.full_name,
        fields=[field_descriptor(field, about["fields"][field.name]) for field in message.fields],
        config_json_schema=_text(message_schema(message, messages)),
        output_json_schema=_text(about["output"]) if "output" in about else "",
        yaml_examples=[_example(kind, name, config) for name, config in about["examples"].items()],
        is_ai_native=about.get("ai", False),
        requires_external_service=about.get("external", False),
    )
    used = {field.group_id for field in descriptor.fields}
    descriptor.field_groups.extend(group for group in FIELD_GROUPS if group.id in used)
    return descriptor


def _example(kind: str, name: str, config: Any) -> str:
    task = {"name": name, "kind": kind, "task_config": config}
    return str(yaml.safe_dump([task], sort_keys=False, allow_unicode=True, width=120))


def _text(schema: Any) -> str:
    return json.dumps(schema, separators=(",", ":"))
