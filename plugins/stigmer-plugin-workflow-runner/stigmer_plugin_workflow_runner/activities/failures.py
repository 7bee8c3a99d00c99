"""What activities fail with: the standard errors of the DSL."""

from __future__ import annotations

from stigmer_core.program import ActivityError, Failure

_BASE = "https://serverlessworkflow.io/spec/1.0.0/errors/"
COMMUNICATION = f"{_BASE}communication"
CONFIGURATION = f"{_BASE}configuration"
AUTHENTICATION = f"{_BASE}authentication"
EXPRESSION = f"{_BASE}expression"
RUNTIME = f"{_BASE}runtime"
TIMEOUT = f"{_BASE}timeout"
_TITLES = {
    COMMUNICATION: "Communication Error",
    CONFIGURATION: "Configuration Error",
    AUTHENTICATION: "Authentication Error",
    EXPRESSION: "Expression Error",
    RUNTIME: "Runtime Error",
    TIMEOUT: "Timeout Error",
}


def failed(status: int, detail: str, *, kind: str = COMMUNICATION, retryable: bool = False) -> ActivityError:
    """Return an error of a standard type."""
    return ActivityError(Failure(kind, _TITLES[kind], status, detail, retryable=retryable))


def misconfigured(detail: str) -> ActivityError:
    """Return the standard configuration error: the call cannot be made as the document has it."""
    return failed(400, detail, kind=CONFIGURATION)
