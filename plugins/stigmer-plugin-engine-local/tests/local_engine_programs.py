"""Programs to drive: small state machines that do one thing each."""

from __future__ import annotations

from datetime import timedelta

from stigmer_core.program import (
    ActivityDone,
    ActivityFailed,
    CallActivity,
    Cancel,
    CancelRequested,
    ChildDone,
    Complete,
    Fail,
    Failure,
    Publish,
    Signal,
    StartChild,
    StartTimer,
    Step,
    TimerFired,
)


class Counting:
    """Calls an activity `input["calls"]` times, one after the other, and adds up what it returns."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        return self._next({"left": input["calls"], "sum": 0, "done": 0, "timeout": input.get("timeout")})

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case ActivityDone():
                count = {"left": state["left"] - 1, "sum": state["sum"] + event.result, "done": state["done"] + 1}
                return self._next({**state, **count})
            case ActivityFailed():
                return Step(state, [Publish({"failed": True}), Fail(event.failure)])
            case CancelRequested():
                return Step(state, [Fail(Failure("cancelled", "Cancelled", detail=event.reason), cancelled=True)])
        return Step(state, [])

    def _next(self, state):
        published = Publish({"done": state["done"]})
        if not state["left"]:
            return Step(state, [published, Complete(state["sum"])])
        timeout = timedelta(seconds=state["timeout"]) if state["timeout"] else None
        return Step(state, [published, CallActivity(f"/call#{state['done']}", "work", state["done"], timeout)])


class Waiting:
    """Starts a timer `input["seconds"]` ahead and completes with the name of what came first, it or a signal."""

    def start(self, input, now):  # noqa: A002 - the protocol's words
        """Make the first step."""
        return Step({"names": []}, [StartTimer("/wait", now + timedelta(seconds=input["seconds"]))])

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case TimerFired():
                return Step(state, [Publish({"fired": True}), Complete(["timer", *state["names"]])])
            case Signal(name="stop"):
                return Step(state, [Cancel("/wait"), Complete(state["names"])])
            case Signal():
                return Step({"names": [*state["names"], event.name]}, [])
            case CancelRequested():
                return Step(state, [Fail(Failure("cancelled", "Cancelled"), cancelled=True)])
        return Step(state, [])


class Parent:
    """Starts `input["children"]` counting runs at once and completes with their outputs in order."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        count = input["children"]
        children = [StartChild(f"/child{at}", "test", {"calls": at}) for at in range(count)]
        return Step({"left": count, "outputs": {}}, children)

    def advance(self, state, event):
        """Make the next step."""
        if not isinstance(event, ChildDone):
            return Step(state, [])
        outputs = {**state["outputs"], event.id: event.output}
        if state["left"] > 1:
            return Step({"left": state["left"] - 1, "outputs": outputs}, [])
        return Step(state, [Complete([outputs[name] for name in sorted(outputs)])])


class Broken:
    """Raises, at its start or when its activity is done."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        if input == "start":
            raise KeyError("at the start")
        return Step({}, [CallActivity("/call", "work", 0)])

    def advance(self, state, event):  # noqa: ARG002 - it breaks on any
        """Break."""
        raise ZeroDivisionError("a bug")
