"""A program that passes values around as its input says, and activities that make and measure them."""

from __future__ import annotations

import random

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    CancelRequested,
    ChildDone,
    Complete,
    Fail,
    Failure,
    Publish,
    Runner,
    Signal,
    StartChild,
    Step,
)


def noise(characters, seed=0):
    """Return text that cannot be compressed much, always the same one."""
    return random.Random(seed).randbytes(characters // 2).hex()


async def make(characters, context):
    """Return noise."""
    return noise(characters)


async def echo(value, context):
    """Return the argument."""
    return value


async def measure(value, context):
    """Return the length of a text."""
    return len(value)


class Script:
    """Makes the steps `input["steps"]`, each of which turns the value into the next one, and completes with it.

    `["call", name]` calls an activity with the value, `["many", name, times]` so many at once, with one answer;
    `["child", steps]` starts a run with the value; `["double", times]` makes it longer; `["wait"]` waits for a signal.
    """

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        return self._next({"steps": input["steps"], "value": input.get("value"), "left": 0}, [])

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case ActivityDone():
                return self._answered(state, event.result)
            case ChildDone(failure=None):
                return self._answered(state, event.output)
            case ActivityFailed() | ChildDone():
                return Step(state, [Publish({"failed": event.failure.detail}), Fail(event.failure)])
            case Signal():
                return self._answered(state, event.payload)
            case CancelRequested():
                return Step(state, [Fail(Failure("urn:c", "Cancelled", 499, event.reason), cancelled=True)])
        return Step(state, [])

    def _answered(self, state, value):
        left = state["left"] - 1
        if left > 0:
            return Step({**state, "left": left}, [])
        return self._next({**state, "value": value}, [])

    def _next(self, state, before):
        if not state["steps"]:
            return Step(state, [*before, Complete(state["value"])])
        (what, *how), *rest = state["steps"]
        at, value = f"/step{len(rest)}", state["value"]
        state = {**state, "steps": rest, "left": 1}
        if what == "double":
            return self._next({**state, "value": value * 2 ** how[0]}, before)
        if what == "publish":
            return self._next(state, [*before, Publish({"value": value})])
        asked = {
            "call": lambda: [CallActivity(at, how[0], value)],
            "many": lambda: [CallActivity(f"{at}#{one}", how[0], value) for one in range(how[1])],
            "child": lambda: [StartChild(at, "script", {"steps": how[0], "value": value})],
            "wait": list,
        }[what]()
        return Step({**state, "left": max(len(asked), 1)}, [*before, *asked])


def script_runners():
    """Return a runner of scripts, and one whose activities are short."""
    activities = {"make": make, "echo": echo, "measure": measure}
    short = Runner("short", Script(), activities, short=frozenset(activities))
    return {"script": Runner("script", Script(), activities), "short": short}
