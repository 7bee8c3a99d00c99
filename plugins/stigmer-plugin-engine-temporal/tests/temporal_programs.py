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
    RecoverRequested,
    Signal,
    StartChild,
    StartTimer,
    Step,
    TimerFired,
)


class Counting:
    """Calls an activity `input["calls"]` times, one after the other, and lists what it returns."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        return self._next({"calls": input["calls"], "results": [], "tries": 0, "limit": input.get("limit")})

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case ActivityDone():
                return self._next({**state, "results": [*state["results"], event.result]})
            case ActivityFailed():
                return Step(state, [Publish({"failed": True}), Fail(event.failure)])
            case RecoverRequested():
                return self._next({**state, "tries": state["tries"] + 1})
            case CancelRequested():
                return Step(state, [Fail(Failure("cancelled", "Cancelled", detail=event.reason), cancelled=True)])
            case Signal():
                return Step({**state, "results": [*state["results"], event.name]}, [])
        return Step(state, [])

    def _next(self, state):
        done = len(state["results"])
        if done >= state["calls"]:
            return Step(state, [Publish({"done": done}), Complete(state["results"])])
        limit = timedelta(seconds=state["limit"]) if state["limit"] else None
        call = CallActivity(f"/call#{done}@{state['tries']}", "work", done, limit)
        return Step(state, [Publish({"done": done}), call])


class Waiting:
    """Waits `input["seconds"]`, or for the signal `stop`, and completes with the names of the signals before."""

    def start(self, input, now):  # noqa: A002 - the protocol's words
        """Make the first step."""
        state = {"names": [], "ids": []}
        return Step(state, [StartTimer("/wait", now + timedelta(seconds=input["seconds"])), Publish({"waits": True})])

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case TimerFired():
                return Step(state, [Complete(["timer", *state["names"]])])
            case Signal(name="stop"):
                return Step(state, [Cancel("/wait"), Complete(state["names"])])
            case Signal():
                return Step({"names": [*state["names"], event.name], "ids": [*state["ids"], event.id]}, [])
            case CancelRequested():
                return Step(state, [Fail(Failure("cancelled", "Cancelled", 499, event.reason), cancelled=True)])
        return Step(state, [])


class Parent:
    """Starts runs of `input["children"]`, a list of runner and input, and completes with how each ended, in order."""

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        children = [StartChild(f"/child{at}", *one) for at, one in enumerate(input["children"])]
        return Step({"left": len(children), "ended": {}}, [*children, Publish({"started": len(children)})])

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case ChildDone():
                how = event.output if event.failure is None else event.failure.title
                ended = {**state["ended"], event.id: how}
                if state["left"] > 1:
                    return Step({"left": state["left"] - 1, "ended": ended}, [])
                return Step(state, [Complete([ended[name] for name in sorted(ended)])])
            case CancelRequested():
                cancels = [Cancel(f"/child{at}") for at in range(state["left"])]
                return Step(state, [*cancels, Fail(Failure("cancelled", "Cancelled"), cancelled=True)])
        return Step(state, [])


class Pure:
    """Publishes `input["steps"]` times, with a timer of no length between two, and completes."""

    def start(self, input, now):  # noqa: A002 - the protocol's words
        """Make the first step."""
        return self._next({"step": 0, "steps": input["steps"]}, now)

    def advance(self, state, event):
        """Make the next step."""
        return self._next({**state, "step": state["step"] + 1}, event.now)

    def _next(self, state, now):
        published = Publish({"step": state["step"]})
        if state["step"] == state["steps"]:
            return Step(state, [published, Complete(state["step"])])
        return Step(state, [published, StartTimer(f"/pause{state['step']}", now)])


class Broken:
    """Raises at its start, or when its activity is done for the first time in this process."""

    mended = False

    def start(self, input, now):  # noqa: A002, ARG002 - the protocol's words
        """Make the first step."""
        if input == "start" and not self.mended:
            raise KeyError("at the start")
        return Step({}, [CallActivity("/call", "work", 0)])

    def advance(self, state, event):  # noqa: ARG002 - it breaks on any
        """Break, or complete when it is mended."""
        if self.mended:
            return Step(state, [Complete("mended")])
        raise ZeroDivisionError("a bug")


class Ticking:
    """Waits `input["seconds"]` and calls an activity, `input["times"]` times; says which signals it hears."""

    def start(self, input, now):  # noqa: A002 - the protocol's words
        """Make the first step."""
        return self._wait({**input, "tick": 0}, now)

    def advance(self, state, event):
        """Make the next step."""
        match event:
            case TimerFired():
                return Step(state, [CallActivity(f"/call/{state['tick']}", "work", state["tick"])])
            case ActivityDone():
                return self._wait({**state, "tick": state["tick"] + 1}, event.now)
            case Signal():
                return Step(state, [Publish({"heard": event.name})])
            case CancelRequested():
                return Step(state, [Fail(Failure("cancelled", "Cancelled", 499, event.reason), cancelled=True)])
        return Step(state, [])

    def _wait(self, state, now):
        published = Publish({"tick": state["tick"]})
        if state["tick"] == state["times"]:
            return Step(state, [published, Complete(None)])
        return Step(state, [published, StartTimer(f"/wait/{state['tick']}", now + timedelta(seconds=state["seconds"]))])
