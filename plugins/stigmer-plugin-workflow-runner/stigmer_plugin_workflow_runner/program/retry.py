"""When a failed attempt is made again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions.values import truthy
from stigmer_plugin_workflow_runner.program.availability import DEFINITION
from stigmer_plugin_workflow_runner.program.durations import is_duration, parse_duration

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler
    from stigmer_plugin_workflow_runner.program.execution import Execution
    from stigmer_plugin_workflow_runner.program.templates import Template

BACKOFFS = ("constant", "linear", "exponential")
LONGEST = timedelta(days=365)  # an exponential delay stops growing here
_JITTER_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy. `count` is how often the task is tried again after its first attempt; None is without end."""

    base: Template
    backoff: str
    count: int | None
    attempt_duration: Template | None  # the time that each attempt has
    duration: Template | None  # the time that all attempts have together
    jitter: tuple[Template, Template] | None
    when: Template | None
    except_when: Template | None

    def delay(self, execution: Execution, frame_id: str, attempt: int) -> timedelta | None:
        """Return how long to wait before the next attempt, None when there is none.

        The frame's variables hold the error already, so that `when` and `exceptWhen` see it.
        """
        if self.count is not None and attempt >= self.count:
            return None
        if self.when is not None and not truthy(execution.evaluate(self.when, frame_id)):
            return None
        if self.except_when is not None and truthy(execution.evaluate(self.except_when, frame_id)):
            return None
        delay = self._grown(parse_duration(execution.evaluate(self.base, frame_id)), attempt)
        if self.jitter is not None:
            low, high = (parse_duration(execution.evaluate(bound, frame_id)) for bound in self.jitter)
            share = int(execution.unique_id(f"{frame_id}@{attempt}").replace("-", ""), 16) % _JITTER_STEPS
            delay += low + (high - low) * share / _JITTER_STEPS
        if self.duration is not None:
            limit = parse_duration(execution.evaluate(self.duration, frame_id))
            if execution.age(frame_id) + delay > limit:
                return None
        return delay

    def _grown(self, delay: timedelta, attempt: int) -> timedelta:
        if self.backoff == "linear":
            return min(delay * (attempt + 1), LONGEST)
        if self.backoff == "exponential" and delay:
            factor: int = 1 << min(attempt, 40)
            return min(delay, LONGEST / factor) * factor
        return delay


def compile_retry(compiler: Compiler, policy: Json, pointer: str, variables: frozenset[str]) -> Retry | None:
    """Compile a retry policy, which may be named in `use.retries`."""
    policy, pointer = compiler.reused("retries", policy, pointer)
    if policy is None:
        return None
    if not isinstance(policy, dict):
        hint = "such as {delay: PT1S, limit: {attempt: {count: 3}}}"
        compiler.problem(pointer, "expected a retry policy, or the name of one in 'use.retries'", hint)
        return None
    compiler.keys(policy, ("when", "exceptWhen", "delay", "backoff", "limit", "jitter"), pointer)
    visible = DEFINITION | variables
    conditions = [
        compiler.expression(policy[key], f"{pointer}/{key}", visible) if key in policy else None
        for key in ("when", "exceptWhen")
    ]
    limit = compiler.section(policy, "limit", pointer)
    compiler.keys(limit, ("attempt", "duration"), f"{pointer}/limit")
    attempt = compiler.section(limit, "attempt", f"{pointer}/limit")
    compiler.keys(attempt, ("count", "duration"), f"{pointer}/limit/attempt")
    return Retry(
        base=compiler.duration(policy.get("delay", "PT0S"), f"{pointer}/delay", visible),
        backoff=_backoff(compiler, policy, pointer),
        count=_count(compiler, attempt, pointer),
        attempt_duration=_duration(compiler, attempt, f"{pointer}/limit/attempt", visible),
        duration=_duration(compiler, limit, f"{pointer}/limit", visible),
        jitter=_jitter(compiler, policy, pointer, visible),
        when=conditions[0],
        except_when=conditions[1],
    )


def _backoff(compiler: Compiler, policy: dict[str, Json], pointer: str) -> str:
    backoff = compiler.section(policy, "backoff", pointer)
    compiler.keys(backoff, BACKOFFS, f"{pointer}/backoff")
    if "backoff" in policy and len(backoff) != 1:
        compiler.problem(f"{pointer}/backoff", "a backoff is one of constant, linear, exponential", "{linear: {}}")
    return next((key for key in backoff if key in BACKOFFS), "constant")


def _duration(compiler: Compiler, section: dict[str, Json], pointer: str, visible: frozenset[str]) -> Template | None:
    if "duration" not in section:
        return None
    return compiler.duration(section["duration"], f"{pointer}/duration", visible)


def _count(compiler: Compiler, attempt: dict[str, Json], pointer: str) -> int | None:
    count = attempt.get("count")
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 0):
        compiler.problem(f"{pointer}/limit/attempt/count", "expected a number of attempts", "such as 3")
        return None
    return count


def _jitter(
    compiler: Compiler, policy: dict[str, Json], pointer: str, visible: frozenset[str]
) -> tuple[Template, Template] | None:
    jitter = compiler.section(policy, "jitter", pointer)
    if not jitter:
        return None
    compiler.keys(jitter, ("from", "to"), f"{pointer}/jitter")
    if "from" not in jitter or "to" not in jitter:
        compiler.problem(f"{pointer}/jitter", "a jitter is between two durations 'from' and 'to'")
    elif all(map(is_duration, jitter.values())) and parse_duration(jitter["from"]) > parse_duration(jitter["to"]):
        compiler.problem(f"{pointer}/jitter", "a jitter goes up, this one goes down", "exchange 'from' and 'to'")
    low, high = (
        compiler.duration(jitter.get(key, "PT0S"), f"{pointer}/jitter/{key}", visible) for key in ("from", "to")
    )
    return low, high
