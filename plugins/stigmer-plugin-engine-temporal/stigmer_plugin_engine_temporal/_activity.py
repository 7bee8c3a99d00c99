"""One generic activity per activity of a runner: it beats, it can be cancelled, and what it fails with is final."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence  # noqa: TC003 - the SDK reads the hints of activities
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.common import RawValue  # noqa: TC002 - likewise

from stigmer_core.errors import ResourceExhaustedError
from stigmer_core.program import ActivityContext, ActivityError, defect
from stigmer_core.program_json import bounded
from stigmer_plugin_engine_temporal._failures import final
from stigmer_plugin_engine_temporal._lost import Lost
from stigmer_plugin_engine_temporal._wire import Written, standard_failure

if TYPE_CHECKING:
    from stigmer_core.program import Activity, Json, Runner

logger = logging.getLogger(__name__)

BEAT_SECONDS = 2.0  # between two signs of life; cancellation comes with the answer to one


def activities_of(runner: Runner, *, home: bool) -> list[Callable[..., Any]]:
    """Return what a worker offers for a runner: each activity under its own name, and an answer for any other.

    Args:
        runner: whose they are.
        home: offer those that wait for the server of the installation, or else all that workflows and workers call.
    """
    waiting = runner.home - runner.short
    found = [(name, one) for name, one in runner.activities.items() if (name in waiting) == home]
    return [*(_offered(name, one) for name, one in found), _unknown()]


def _offered(name: str, one: Activity) -> Callable[..., Any]:
    @activity.defn(name=name)
    async def run(arguments: Any, call: Any) -> Any:
        beating = asyncio.create_task(_beat()) if not activity.info().is_local else None
        try:
            return await _answer(name, one, arguments, call)
        finally:
            if beating is not None:
                beating.cancel()

    return run


def _unknown() -> Callable[..., Any]:
    @activity.defn(dynamic=True)
    async def run(_arguments: Sequence[RawValue]) -> Any:
        name = activity.info().activity_type
        raise final(standard_failure("configuration", 400, f"there is no activity {name!r}"))

    return run


async def _beat() -> None:
    while True:
        await asyncio.sleep(BEAT_SECONDS)
        activity.heartbeat()


async def _answer(name: str, one: Activity, arguments: Json, call: Json) -> Written:
    context = ActivityContext(call["run"], call["key"], activity.info().attempt)
    deadline, inline = asyncio.timeout(call["limit"]), call.get("inline")
    if isinstance(arguments, Lost):
        raise final(standard_failure("runtime", 500, arguments.reason), inline=inline)
    try:
        async with deadline:
            result = await one(arguments, context)
        written = bounded(result, f"the result of {name}")
        return Written(written, apart=inline is not None and len(written) > inline)
    except asyncio.CancelledError:
        raise
    except ActivityError as error:
        failure = error.failure
    except ResourceExhaustedError as error:
        failure = standard_failure("runtime", 413, error.message)
    except Exception as error:  # an activity of somebody else's: its bug must not become ours
        if isinstance(error, TimeoutError) and deadline.expired():
            failure = standard_failure("timeout", 408, f"{name} took longer than {_duration(call['limit'])}")
        else:
            logger.exception("activity failed run=%s command=%s activity=%s", call["run"], call["key"], name)
            failure = standard_failure("runtime", 500, defect(f"{name} failed"))
    raise final(failure, inline=inline)


def _duration(seconds: float) -> str:
    from datetime import timedelta  # noqa: PLC0415 - for a text

    return str(timedelta(seconds=seconds))
