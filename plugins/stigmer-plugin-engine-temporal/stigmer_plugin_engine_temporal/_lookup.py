"""Looking a workflow up in Temporal, which may not know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.service import RPCError, RPCStatusCode

if TYPE_CHECKING:
    from datetime import timedelta

    from temporalio.client import Client, WorkflowExecutionDescription


async def described(client: Client, identity: str, *, within: timedelta) -> WorkflowExecutionDescription | None:
    """Return what Temporal says of a workflow's latest execution; None when it does not know it.

    Raises:
        RPCError: it does not answer, or not this caller.
    """
    try:
        return await client.get_workflow_handle(identity).describe(rpc_timeout=within)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return None
