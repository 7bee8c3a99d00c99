"""Failures of programs as Temporal carries them: what one says is in its details, which are encrypted."""

from __future__ import annotations

import asyncio

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError, FailureError
from temporalio.exceptions import TimeoutError as TimedOutError

from stigmer_core.program import Failure
from stigmer_core.program_json import failure_json, text
from stigmer_plugin_engine_temporal._wire import ERRORS, Written, standard_failure

_SHOWN = 1_000  # characters of a detail in the message of an error
_OTHER = "other"  # stands for a type that is no standard one, and may say anything


def final(failure: Failure, *, inline: int | None = None) -> ApplicationError:
    """Return what carries a failure to who asked; Temporal tries nothing again.

    Args:
        failure: it.
        inline: how many characters of it may stay in the history, should there be many like it.
    """
    written = text(failure_json(failure))
    return ApplicationError(
        (failure.detail or failure.title)[:_SHOWN],
        Written(written, apart=inline is not None and len(written) > inline),
        type=failure.type if failure.type.startswith(ERRORS) else _OTHER,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


def failure_of(error: BaseException) -> Failure:
    """Return why an activity or child failed, as its own failure says, or what there is to say of it."""
    cause = error.cause if isinstance(error, FailureError) and error.cause is not None else error
    if isinstance(cause, ApplicationError) and cause.details:
        return Failure(**cause.details[0])
    if isinstance(cause, TimedOutError):
        return standard_failure("runtime", 500, f"no worker finished it: {cause}")
    if isinstance(cause, (CancelledError, asyncio.CancelledError)):
        return standard_failure("runtime", 500, "it was cancelled in Temporal")
    return standard_failure("runtime", 500, f"{type(cause).__name__}: {cause}")
