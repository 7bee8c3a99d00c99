"""Documents from their tasks, and runs of them in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from stigmer_plugin_workflow_runner.activities.events import Events
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.testing.memory_engine import MemoryEngine

sys.path.insert(0, str(Path(__file__).parent))  # the conformance kit's steps and drivers stand beside the tests


@pytest.fixture
def document():
    """Return a function that makes a document of the YAML of its tasks and other sections."""

    def make(tasks, **sections):
        header = {"dsl": "1.0.3", "namespace": "test", "name": "case", "version": "1.0.0"}
        return {"document": header, "do": yaml.safe_load(tasks), **sections}

    return make


@pytest.fixture
def run(document):
    """Return a function that runs tasks, given as YAML, and returns the outcome."""
    broker = Events(Wiring())

    async def go(tasks, value=None, *, activities=None, cancel_after=None, **sections):
        ready = {"publish": broker.publish, "subscribe": broker.subscribe, **(activities or {})}
        engine = MemoryEngine(WorkflowProgram(), ready, cancel_after=cancel_after)
        value = {} if value is None else value
        return await engine.run({"document": document(tasks, **sections), "input": value})

    return go
