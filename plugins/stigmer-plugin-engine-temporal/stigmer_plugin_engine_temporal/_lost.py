"""Values that cannot be had any more: their store has them not, or they were changed.

Whatever needs one must fail. An activity does, for good. A workflow cannot: it may be replaying steps that it has made
when the value was there, and to end it in the middle of them is not allowed. So its task fails, with an error that
says what is lost, and the server, which looks at tasks that fail, ends the workflow from outside.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import EncodingPayloadConverter
from temporalio.exceptions import ApplicationError

if TYPE_CHECKING:
    from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
    from temporalio.client import Client

_ENCODING = "stigmer/lost"
_LATEST = 20  # events; the task that fails is among them


class LostValueError(Exception):
    """A workflow needs a value that cannot be had any more."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for a value that cannot be had any more, where that is no workflow."""

    reason: str


class LostValues(EncodingPayloadConverter):
    """Reads what `lost_payload` returns."""

    @property
    def encoding(self) -> str:
        """The name of the format."""
        return _ENCODING

    def to_payload(self, value: Any) -> Payload | None:  # noqa: ARG002 - the SDK's signature
        """Return None: no value is written like this."""
        return None

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:  # noqa: ARG002 - likewise
        """Return what stands for the value.

        Raises:
            LostValueError: in a workflow.
        """
        if _is_outside():
            return Lost(payload.data.decode())
        raise LostValueError(payload.data.decode())


def lost_payload(reason: str) -> Payload:
    """Return what takes the place of a value that cannot be had any more."""
    return Payload(metadata={"encoding": _ENCODING.encode()}, data=reason.encode())


async def what_is_lost(client: Client, request: GetWorkflowExecutionHistoryReverseRequest) -> str:
    """Return what is lost of a workflow whose task fails for that; empty when it fails for something else."""
    request.maximum_page_size = _LATEST
    found = await client.workflow_service.get_workflow_execution_history_reverse(request)
    for event in found.history.events:
        if event.HasField("workflow_task_failed_event_attributes"):
            error = await client.data_converter.decode_failure(event.workflow_task_failed_event_attributes.failure)
            return _message(error)
    return ""


def _is_outside() -> bool:
    """Return whether this is no workflow's thread; the SDK gives workflows what has happened before their loop runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return not workflow.in_workflow()


def _message(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ApplicationError) and error.type == LostValueError.__name__:
            return error.message
        error = error.__cause__
    return ""
