"""Why a server could not be connected to: a code for programs, a sentence for people."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from stigmer_core import errors

if TYPE_CHECKING:
    from stigmer_core.errors import StigmerError


class Reason(StrEnum):
    """The values of `connect_status.failure_code`."""

    MISSING_VARIABLE = "missing_variable"
    BAD_VALUE = "bad_value"
    NOT_STARTED = "not_started"
    EXITED = "exited"
    UNREACHABLE = "unreachable"
    UNAUTHORIZED = "unauthorized"
    REFUSED = "refused"
    PROTOCOL = "protocol"
    TOO_LARGE = "too_large"
    SECRET_ANSWERED = "secret_answered"  # noqa: S105 - a code, not a secret
    DEADLINE = "deadline"
    BUSY = "busy"
    SPEC_CHANGED = "spec_changed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    INTERNAL = "internal"


_ERRORS: dict[Reason, type[StigmerError]] = {
    Reason.UNREACHABLE: errors.UnavailableError,
    Reason.TOO_LARGE: errors.ResourceExhaustedError,
    Reason.DEADLINE: errors.DeadlineExceededError,
    Reason.BUSY: errors.ResourceExhaustedError,
    Reason.SPEC_CHANGED: errors.ConflictError,
    Reason.CANCELLED: errors.CancelledError,
    Reason.INTERNAL: errors.StigmerError,
}


class ConnectFailure(Exception):  # noqa: N818 - a fact of the attempt that is stored; `error` makes an error of it
    """An attempt to connect ended like this; `message` holds no secret."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def error(self, server: str) -> StigmerError:
        """Return what the caller of `connect` gets: FAILED_PRECONDITION unless the reason has a code of its own."""
        kind = _ERRORS.get(self.reason, errors.FailedPreconditionError)
        return kind(f"cannot connect to MCP server {server}: {self.message}")
