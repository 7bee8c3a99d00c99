"""What workflows and activities hand each other beside plain values."""

from __future__ import annotations

from dataclasses import dataclass

from stigmer_core.program import Failure

ERRORS = "https://serverlessworkflow.io/spec/1.0.0/errors/"


@dataclass(frozen=True, slots=True)
class Written:
    """A value whose JSON text is known; `apart` is whether it should leave its history, though it is not large."""

    text: str
    apart: bool = False


def standard_failure(kind: str, status: int, detail: str) -> Failure:
    """Return a failure of one of the standard kinds."""
    return Failure(f"{ERRORS}{kind}", f"{kind.title()} Error", status, detail, retryable=kind == "timeout")
