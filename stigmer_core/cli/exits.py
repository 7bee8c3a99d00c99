"""How a command ends: the exit codes that scripts may rely on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """From 10 on the tool worked, and what was asked about did not."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_PERMITTED = 4
    NOT_FOUND = 5
    RUN_FAILED = 10
    RUN_CANCELLED = 11
    NEEDS_INPUT = 12
    TIMED_OUT = 13
    INTERRUPTED = 130


_BY_STATUS = {
    "OK": ExitCode.OK,
    "NOT_FOUND": ExitCode.NOT_FOUND,
    "UNAVAILABLE": ExitCode.UNREACHABLE,
    "DEADLINE_EXCEEDED": ExitCode.UNREACHABLE,
    "UNAUTHENTICATED": ExitCode.NOT_PERMITTED,
    "PERMISSION_DENIED": ExitCode.NOT_PERMITTED,
    "INVALID_ARGUMENT": ExitCode.USAGE,
    "FAILED_PRECONDITION": ExitCode.USAGE,
    "ALREADY_EXISTS": ExitCode.USAGE,
}


def exit_code_of(status: str) -> ExitCode:
    """Return the exit code for a gRPC status by its name."""
    return _BY_STATUS.get(status, ExitCode.FAILURE)
