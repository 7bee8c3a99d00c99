"""An archive that a run left behind, read from the kind Artifact over its own API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from stigmer_core.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    StigmerError,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_SERVICE = "/ai.stigmer.agentic.artifact.v1.ArtifactQueryController"
_WORKFLOW_EXECUTION = "wex_"
_MISSING = (
    "pushing what a run left behind needs the kind Artifact, which no loaded plugin serves: "
    "pip install stigmer-plugin-artifact"
)
_STATES = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND)


async def execution_artifact(channel: grpc.aio.Channel, execution_id: str, storage_key: str) -> bytes:
    """Return the content of an artifact of a run.

    Args:
        channel: calls this server.
        execution_id: the run's; both of agents and of workflows.
        storage_key: `artifacts/<execution id>/<artifact>`, where the artifact is its id, display name or slug; of
            several the newest is taken.

    Raises:
        InvalidArgumentError: the key belongs to another run.
        NotFoundError: the run has no such artifact.
        FailedPreconditionError: nobody serves artifacts here, or the content has gone or is too large for a message.
    """
    prefix = f"artifacts/{execution_id}/"
    if not storage_key.startswith(prefix):
        raise InvalidArgumentError(
            f"storage_key does not belong to this execution: {storage_key!r} does not start with {prefix!r}"
        )
    messages = _messages()
    field = "workflow_execution_id" if execution_id.startswith(_WORKFLOW_EXECUTION) else "agent_execution_id"
    request = messages.ListArtifactsByExecutionRequest(**{field: execution_id})
    listed = await _call(channel, "listByExecution", request, messages.ArtifactList)
    artifact_id = _named(listed.entries, storage_key.removeprefix(prefix), storage_key)
    request = messages.GetArtifactContentRequest(artifact_id=artifact_id)
    answer = await _call(channel, "getContent", request, messages.GetArtifactContentResponse)
    if answer.truncated:
        raise FailedPreconditionError(
            f"{storage_key} has {answer.total_size_bytes} bytes, more than a message carries: download it and push it"
        )
    return bytes(answer.content)


def _messages() -> Any:
    try:
        from ai.stigmer.agentic.artifact.v1 import io_pb2  # noqa: PLC0415 - another plugin's, which may not be there
    except ModuleNotFoundError as error:
        raise FailedPreconditionError(_MISSING) from error
    return io_pb2


def _named(artifacts: Sequence[Any], name: str, storage_key: str) -> str:
    for artifact in artifacts:
        if name in (artifact.metadata.id, artifact.spec.display_name, artifact.metadata.slug):
            return str(artifact.metadata.id)
    raise NotFoundError("execution artifact", storage_key)


async def _call(channel: grpc.aio.Channel, rpc: str, request: Any, response: Any) -> Any:
    call = channel.unary_unary(f"{_SERVICE}/{rpc}", type(request).SerializeToString, response.FromString)
    try:
        return await call(request)
    except grpc.aio.AioRpcError as error:
        raise _translated(error) from error


def _translated(error: grpc.aio.AioRpcError) -> StigmerError:
    if error.code() is grpc.StatusCode.UNIMPLEMENTED:
        return FailedPreconditionError(_MISSING)
    if error.code() in _STATES:
        return FailedPreconditionError(f"the execution artifact cannot be read: {error.details()}")
    return UnavailableError(f"the execution artifact could not be read: {error.details()}")
