"""The steps of the conformance kits."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import httpx
import yaml
from gherkin.parser import Parser
from kit_drivers import DRIVERS
from kit_servers import respond
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.testing.memory_engine import task_order

KIT = Path(os.environ.get("STIGMER_CTK") or Path(__file__).parents[3].parent / "shared" / "dsl" / "ctk")
OWN_KIT = Path(__file__).parent / "ctk"
STEPS = []


def step(pattern):
    """Register what a step of the kit does."""
    return lambda function: STEPS.append((re.compile(pattern), function)) or function


def scenarios_of(folder):
    """Yield feature, name and steps of each scenario in a folder."""
    for path in sorted(folder.glob("*.feature")):
        feature = Parser().parse(path.read_text())["feature"]
        for child in feature["children"]:
            yield feature["name"], child["scenario"]["name"], child["scenario"]["steps"]


async def play(steps, driver):
    """Run one scenario on a driver.

    Raises:
        AssertionError: it does not end as it says.
    """
    world = {"input": {}, "driver": DRIVERS[driver]}
    for line in steps:
        document = yaml.safe_load(line["docString"]["content"]) if "docString" in line else None
        text = line["text"]
        match, function = next((found, act) for known, act in STEPS if (found := known.fullmatch(text)))
        outcome = function(world, document, *match.groups())
        if outcome is not None:
            await outcome


@step("a workflow with definition:")
def _definition(world, document):
    world["document"] = document


@step("given the workflow input is:")
def _input(world, document):
    world["input"] = document


@step("the workflow is executed")
async def _execute(world, _document):
    document = json.loads(json.dumps(world["document"], default=str))
    ready = activities(Wiring(), transport=httpx.MockTransport(respond))
    world["outcome"] = await world["driver"](document, world["input"], ready, world.get("secrets", {}))


@step("the workflow should complete")
def _completes(world, _document):
    assert world["outcome"].failure is None


@step("the workflow should complete with output:")
def _completes_with(world, document):
    assert world["outcome"].failure is None
    assert world["outcome"].output == document


@step("the workflow should fault")
def _faults(world, _document):
    assert world["outcome"].failure is not None
    assert not world["outcome"].cancelled


@step("the workflow should fault with error:")
def _faults_with(world, document):
    failure = world["outcome"].failure
    assert {name: getattr(failure, name) for name in document} == document


@step("the workflow output should have properties (.+)")
def _has_properties(world, _document, names):
    for path in re.findall(r"'([^']+)'", names):
        _property(world, path)


@step("the workflow output should have a '([^']+)' property with value:")
def _has_value(world, document, path):
    assert _property(world, path) == document


@step("the workflow output should have a '([^']+)' property containing (\\d+) items")
def _has_items(world, _document, path, count):
    assert len(_property(world, path)) == int(count)


@step("(\\w+) should run (first|last)")
def _runs_at(world, _document, name, place):
    assert task_order(world["outcome"].statuses)[0 if place == "first" else -1] == name


@step("(\\w+) should run (before|after) (\\w+)")
def _runs_beside(world, _document, name, side, other):
    order = task_order(world["outcome"].statuses)
    assert (order.index(name) > order.index(other)) is (side == "after")


def _property(world, path):
    value = world["outcome"].output
    for name in path.split("."):
        value = value[name]
    return value
