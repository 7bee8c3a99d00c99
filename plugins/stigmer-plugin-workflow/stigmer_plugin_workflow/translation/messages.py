"""The messages of tasks' configurations, and configurations checked against them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.workflow.v1.tasks import (
    agent_call_pb2,
    call_activity_pb2,
    emit_event_pb2,
    eval_pb2,
    for_pb2,
    fork_pb2,
    grpc_call_pb2,
    http_call_pb2,
    human_input_pb2,
    listen_pb2,
    llm_call_pb2,
    notification_pb2,
    raise_pb2,
    run_pb2,
    set_pb2,
    switch_pb2,
    transform_pb2,
    try_pb2,
    validate_pb2,
    wait_pb2,
)
from ai.stigmer.commons.apiresource import field_options_pb2
from google.protobuf import json_format, message_factory

from stigmer_core.errors import InvalidArgumentError, Problem
from stigmer_core.resources.codec import from_dict
from stigmer_core.resources.manifest import pointer_of, shape_problems
from stigmer_core.server.validation import validate
from stigmer_plugin_workflow.translation.refusal import UntranslatableError
from stigmer_plugin_workflow.translation.values import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.protobuf.descriptor import Descriptor

    from stigmer_core.program import Json

_MODULES = (
    agent_call_pb2, call_activity_pb2, emit_event_pb2, eval_pb2, for_pb2, fork_pb2, grpc_call_pb2, http_call_pb2,
    human_input_pb2, listen_pb2, llm_call_pb2, notification_pb2, raise_pb2, run_pb2, set_pb2, switch_pb2,
    transform_pb2, try_pb2, validate_pb2, wait_pb2,
)  # fmt: skip


@cache
def config_messages() -> Mapping[str, Descriptor]:
    """Return the message of each kind's configuration, by the kind's name."""
    found: dict[str, Descriptor] = {}
    for module in _MODULES:
        for descriptor in module.DESCRIPTOR.message_types_by_name.values():
            kind = descriptor.GetOptions().Extensions[field_options_pb2.discriminator_value]
            if kind:
                found[kind] = descriptor
    return found


def checked(kind: str, config: Json, pointer: str) -> dict[str, Any]:
    """Return a configuration that fits its kind's message and its rules: fields as in the proto, without defaults.

    Raises:
        UntranslatableError: it does not fit; each problem has the pointer of its field.
    """
    descriptor = config_messages()[kind]
    if wrong := shape_problems(config, descriptor, pointer):
        raise UntranslatableError(wrong)
    try:
        message: Any = from_dict(config, message_factory.GetMessageClass(descriptor)())
        validate(message)
    except InvalidArgumentError as error:
        found = [Problem(pointer + pointer_of(one.pointer, config), one.message, one.hint) for one in error.problems]
        raise UntranslatableError(found) from error
    return plain(json_format.MessageToDict(message, preserving_proto_field_name=True))  # type: ignore[no-any-return]
