"""Changes of the code, each of which would strand runs that are under way: the recorded histories tell of them."""

from __future__ import annotations

import asyncio
import dataclasses

from stigmer_plugin_engine_temporal import _effects, _recorder, _workflow
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import (
    ActivityDone,
    CallActivity,
    Cancel,
    Complete,
    Fail,
    Failure,
    Publish,
    StartChild,
    StartTimer,
    Step,
)


class Changed:
    """A program whose commands are changed on their way out."""

    def __init__(self, change):
        self._program, self._change = WorkflowProgram(), change

    def start(self, input, now):  # noqa: A002 - the protocol's word
        """Return the first step, changed."""
        return self._changed(self._program.start(input, now))

    def advance(self, state, event):
        """Return the next step, changed."""
        return self._changed(self._program.advance(state, event))

    def _changed(self, step):
        return Step(step.state, [new for old in step.commands for new in self._change(old)])


def commands(change):
    """Return a mutation that changes commands."""
    return lambda _monkeypatch, runner: dataclasses.replace(runner, program=Changed(change))


def only(kind, change):
    """Return a mutation of the commands of a kind."""
    return commands(lambda command: change(command) if isinstance(command, kind) else [command])


def constant(module, name, value):
    """Return a mutation that changes a constant of the engine."""
    return lambda monkeypatch, _runner: monkeypatch.setattr(module, name, value)


def dropped(_command):
    """Return nothing instead."""
    return []


def completed(_command):
    """Return a good end instead."""
    return [Complete(None)]


def failed(_command):
    """Return a bad end instead."""
    return [Fail(Failure("x", "X"))]


def renamed(command):
    """Return a call of another activity."""
    return [dataclasses.replace(command, activity=f"{command.activity}2")]


def moved(command):
    """Return a child with another place."""
    return [dataclasses.replace(command, id=f"{command.id}~")]


def later(command):
    """Return a timer after an activity that was not there."""
    return [CallActivity(f"{command.id}?check", "check", None), command]


def skipped_event(monkeypatch, runner):
    """Return a program that passes over the first answer to an activity."""
    plain = WorkflowProgram()

    class Deaf(WorkflowProgram):
        def advance(self, state, event):
            return Step(state, []) if isinstance(event, ActivityDone) else plain.advance(state, event)

    return dataclasses.replace(runner, program=Deaf())


def longer_pause(monkeypatch, _runner):
    """Make a pause of no length one with a timer of Temporal's."""

    async def slowly(self, command):
        await asyncio.sleep(1)
        self._fire(command)

    monkeypatch.setattr(_effects.Effects, "_fire_soon", slowly)


def reversed_commands(monkeypatch, runner):
    """Start what a step asks for in the other order."""

    class Reversed(Changed):
        def _changed(self, step):
            ends = [command for command in step.commands if isinstance(command, (Complete, Fail))]
            others = [command for command in step.commands if command not in ends]
            return Step(step.state, [*reversed(others), *ends])

    return dataclasses.replace(runner, program=Reversed(None))


MUTATIONS = {
    "activity renamed": (only(CallActivity, renamed), "calls"),
    "activity called twice": (only(CallActivity, lambda one: [one, moved(one)[0]]), "calls"),
    "activity not called": (only(CallActivity, dropped), "calls"),
    "activity's answer passed over": (skipped_event, "calls"),
    "timer not started": (only(StartTimer, dropped), "loop"),
    "timer started twice": (only(StartTimer, lambda one: [one, dataclasses.replace(one, id=f"{one.id}~")]), "loop"),
    "activity before a timer": (only(StartTimer, later), "loop"),
    "timer of a retry not started": (only(StartTimer, dropped), "retried"),
    "timer left running": (only(Cancel, dropped), "race"),
    "limit not kept": (only(StartTimer, dropped), "limited"),
    "child elsewhere": (only(StartChild, moved), "children"),
    "child of another runner": (
        only(StartChild, lambda one: [dataclasses.replace(one, runner="other")]),
        "children",
    ),
    "child not started": (only(StartChild, dropped), "children"),
    "branches in another order": (reversed_commands, "branches"),
    "run completed instead of failed": (only(Fail, completed), "faulted"),
    "run failed instead of completed": (only(Complete, failed), "calls"),
    "cancelled run goes on": (only(Fail, dropped), "cancelled"),
    "nothing published": (only(Publish, dropped), "calls"),
    "record renamed": (constant(_recorder, "RECORD", "stigmer/record2"), "calls"),
    "executions longer": (lambda patch, _: patch.setattr(_workflow.RunWorkflow, "_is_long", lambda *_: False), "parts"),
    "pauses are timers": (longer_pause, "long"),
    "fewer in flight": (constant(_effects, "IN_FLIGHT", 0), "calls"),
}
