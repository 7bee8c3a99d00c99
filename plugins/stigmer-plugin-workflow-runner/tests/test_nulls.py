"""Parts of a document that are there and are nothing: refused before anything runs, or as if they were not there."""

from __future__ import annotations

import copy

import pytest
import yaml
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import ActivityFailed, CallActivity, Failure, Signal, StartTimer, TimerFired
from stigmer_core.testing.memory_engine import START

DOCUMENT = yaml.safe_load("""
document: {dsl: 1.0.3, namespace: test, name: nulls, version: 1.0.0, metadata: {a: b}}
input: {schema: {document: {type: object}}, from: .}
output: {as: .}
timeout: {after: PT1M}
evaluate: {language: jq, mode: strict}
use: {secrets: [], timeouts: {t: {after: PT1M}}, errors: {e: {type: 'https://a/b', status: 400}}, functions: {}}
do:
- a: {if: .no, set: {x: 1}, input: {from: .}, output: {as: .}, export: {as: .}, timeout: t, then: continue}
- b: {metadata: {}, for: {each: x, in: '[1]', at: i}, while: .x, do: [{c: {set: {x: 1}}}]}
- d: {try: [{e: {raise: {error: e}}}], catch: {errors: {with: {status: 400}}, as: e, when: .x}}
- f: {switch: [{g: {when: .x, then: h}}, {i: {then: h}}]}
- h: {fork: {compete: true, branches: [{j: {wait: {seconds: 1}}}, {k: {wait: PT5S}}]}}
- l: {run: {script: {language: python, code: 'print(1)', arguments: [a], environment: {A: b}}, await: false}}
- m: {call: http, with: {method: get, endpoint: {uri: 'http://example.com'}, headers: {}, query: {}, output: content}}
- n: {emit: {event: {with: {type: x, source: 'http://a', data: {}}}}}
- o: {listen: {to: {any: [{with: {type: x}, correlate: {c: {from: .x, expect: y}}}], until: .x}, read: data}}
""")
VALUES = {"null": None, "object": {}, "list": [], "text": "", "number": 0, "expression": "${ null }"}


def places(value, path=()):
    """Yield the path of every part of a value."""
    yield path
    for key, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, key))


def replaced(path, value):
    """Return the document with another value at a path."""
    document = copy.deepcopy(DOCUMENT)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return document


def run(document):
    """Drive a run: timers fire, activities fail, events come."""
    program = WorkflowProgram()
    step = program.start({"document": document, "input": {}}, START)
    asked = list(step.commands)
    for command in asked[:50]:
        if isinstance(command, (CallActivity, StartTimer)):
            failed = ActivityFailed(command.id, Failure("about:blank", "x"), START)
            event = TimerFired(command.id, START) if isinstance(command, StartTimer) else failed
            step = program.advance(step.state, event)
            asked += step.commands
    for number, payload in enumerate((None, "x", {"type": "x", "data": None})):
        step = program.advance(step.state, Signal(f"s{number}", "event", payload, START))


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_odd_part_of_a_document_is_a_problem_or_runs(value):
    """No exception of Python's comes out of the program: it would park the run."""
    refused = 0
    for path in [path for path in places(DOCUMENT) if path]:
        document = replaced(path, value)
        problems = check(document)
        refused += bool(problems)
        if not problems:
            run(document)

    assert refused > 0


def test_section_that_is_nothing_is_no_section():
    """`use: null` is what a document without reusable parts may say."""
    document = replaced(("use",), None)
    document["do"] = [{"a": {"set": {"x": 1}}}]

    assert not check(document)
    run(document)
