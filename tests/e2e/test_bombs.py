"""Bombs: documents and inputs of a few lines that would take all there is. Each ends soon, and others go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from itertools import pairwise

import grpc
import pytest
from ai.stigmer.agentic.workflowexecution.v1 import enum_pb2, io_pb2
from stigmer_plugin_workflow.api.v1.documents_pb2 import ExecuteDocumentRequest

from stigmer_core.cli.yaml_nodes import YamlError, yaml_documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionCommandController"
QUERY = "ai.stigmer.agentic.workflowexecution.v1.WorkflowExecutionQueryController"
DOCUMENTS = "stigmer.workflow.v1.WorkflowDocumentController"
CPU_SECONDS = 5  # of this process, and a hundred times what most take: it tells an end from none on a slow machine too
DEADLINE_SECONDS = 60
MEGABYTES_10 = "a" * 10_000_000


def document(*tasks, **sections):
    """Return a document's text."""
    heading = {"dsl": "1.0.3", "namespace": "tests", "name": "bombs", "version": "1.0.0"}
    return json.dumps({"document": heading, "do": [{f"t{at}": task} for at, task in enumerate(tasks)], **sections})


def expression(text):
    """Return a document that evaluates an expression."""
    return document({"set": f"${{ {text} }}"})


def loop(items, task):
    """Return a task that does another one for each item."""
    return {"for": {"in": items}, "do": [{"again": task}]}


def doubling(levels):
    """Return a schema of definitions that each refer to the next one twice."""
    parts = {f"a{at}": {"allOf": [{"not": {"$ref": f"#/$defs/a{at + 1}"}}] * 2} for at in range(levels)}
    return {"$defs": {**parts, f"a{levels}": {"type": "integer"}}, "$ref": "#/$defs/a0"}


SET = {"set": {"x": 1}}
NAP = {"wait": "PT1H"}
DEEP = "[" * 50_000 + "]" * 50_000
FORKS = {"fork": {"branches": [{f"b{at}": {"do": [{f"c{other}": NAP} for other in range(100)]}} for at in range(100)]}}
TEXT = '{"x": "a"}'
REFUSED = {
    "deep text": (document(SET).replace('"x": 1', f'"x": {DEEP}'), "{}", "nested too deep"),
    "deep input": (document(SET), f'{{"x": {DEEP}}}', "nested too deep"),
    "long expression": (expression("1+" * 100_000 + "1"), "{}", "characters"),
    "many tasks": (document(*[SET] * 5_000), "{}", "more than 2500 tasks"),
    "a great many tasks": (document(*[SET] * 20_000), "{}", "more than 2500 tasks"),
    "many values": (document({"set": {"x": [0] * 150_000}}), "{}", "more than 50000 values"),
    "many branches": (document(FORKS), "{}", "more than 2500 tasks"),
    "many typing errors": (document(*[{**SET, "then": f"t{at}x"} for at in range(1_900)]), "{}", "there is no task"),
    "large text": (document({"set": {"x": MEGABYTES_10}}), "{}", "more than 1000000 characters"),
    "large key": (document({MEGABYTES_10: 1}), "{}", "more than 1000000 characters"),
    "long number": (document(SET), '{"x": ' + "9" * 100_000 + "}", "too many digits"),
    "circular schema": (document(SET, input={"schema": {"document": {"allOf": [{"$ref": "#"}]}}}), "{}", "circle"),
    "circular functions": (document(SET, use={"functions": {"f": {"call": "f"}}}), "{}", "calls itself"),
}
STOPPED = {
    "range": (expression("[range(1000000000)]"), "{}", "too many steps"),
    "repeat": (expression("[repeat(1)]"), "{}", "too many steps"),
    "function without end": (expression("def f: f; f"), "{}", "calls itself too deeply"),
    "text times a billion": (expression('"x" * 1000000000'), "{}", "too long"),
    "text doubled": (expression('reduce range(60) as $i ("a"; . + .)'), "{}", "too many steps"),
    "list doubled": (expression("reduce range(60) as $i ([1]; [., .])"), "{}", "too many steps"),
    "combinations": (expression("[[range(100)] | combinations(10)] | length"), "{}", "too many steps"),
    "large pattern": (expression('"a" | test("((a{1000}){1000}){1000}")'), "{}", "the pattern is too long"),
    "value doubled in a loop": (document(loop("[range(1000)]", {"set": "${ [., .] }"})), "{}", "too many steps"),
    "text doubled in a loop": (document(loop("[range(1000)]", {"set": "${ .x + .x | {x: .} }"})), TEXT, "too long"),
    "error of a list doubled": (expression("reduce range(60) as $i ([1]; [., .]) | error"), "{}", "(not a string)"),
    "message about a list doubled": (expression("reduce range(60) as $i ([1]; [., .]) | .a"), "{}", "Cannot index"),
    "errors in a row": (
        expression("[range(50000)] as $a | [range(50000) | try ($a | error) catch 1]"),
        "{}",
        "too many",
    ),
    "calls without end": (
        expression("def f: if . < 2 then . else (. - 1 | f) + (. - 2 | f) end; 60 | f"),
        "{}",
        "too many",
    ),
    "cut again and again": (expression('"a" * 900000 | [limit(9999; repeat(ltrimstr("a")))]'), "{}", "too many"),
    "schema": (document(SET, input={"schema": {"document": doubling(40)}}), "{}", "too large or too deep"),
}
PATTERN = {"additionalProperties": {"pattern": "(a+)+$"}}
ENDED = {
    "pattern": (expression('.x | test("(a|aa)*c")'), json.dumps({"x": "a" * 5_000})),
    "text of 10 MB": (document({"set": "${ .x | length }"}), json.dumps({"x": MEGABYTES_10})),
    "pattern of a schema": (document(SET, output={"schema": {"document": PATTERN}}), json.dumps({"x": "a" * 100_000})),
}
ENDLESS = {
    "back and forth": document({"set": {"x": 1}, "then": "t0"}),
    "loops in loops": document(loop("[range(1000)]", loop("[range(1000)]", loop("[range(1000)]", SET)))),
    "heavy expressions": document(loop("[range(10000)]", {"set": "${ [range(100000)] | length }"})),
    "heavy values": document(loop("[range(10000)]", {"set": "${ [range(20000)] }"})),
}


@pytest.fixture
async def api(home):
    async with installation(home) as opened:
        yield opened


async def started(api, text, value="{}"):
    """Start a run and return its id."""
    return (await api.call(DOCUMENTS, "execute", ExecuteDocumentRequest(document=text, input=value))).metadata.id


async def ended(api, run_id):
    """Return the status of a run that has ended."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        request = io_pb2.SubscribeWorkflowExecutionRequest(execution_id=run_id)
        return [frame async for frame in api.stream(QUERY, "subscribe", request)][-1].status


async def other_run(api):
    """Run a workflow that does no harm to its end."""
    status = await ended(api, await started(api, document({"set": {"y": 2}})))
    assert status.phase == enum_pb2.EXECUTION_COMPLETED


@contextlib.contextmanager
def bounded():
    """Fail when more of the processor is taken than a bomb may have."""
    before = time.process_time()
    yield
    assert time.process_time() - before < CPU_SECONDS


@pytest.mark.parametrize(("text", "value", "message"), REFUSED.values(), ids=REFUSED)
async def test_bomb_is_refused(api, text, value, message):
    """Nothing is stored and nothing runs; the answer says why."""
    with bounded(), pytest.raises(grpc.aio.AioRpcError) as caught:
        await started(api, text, value)

    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in caught.value.details()
    await other_run(api)


@pytest.mark.parametrize(("text", "value", "message"), STOPPED.values(), ids=STOPPED)
async def test_bomb_is_stopped(api, text, value, message):
    """The run fails with a standard error, while another one goes on."""
    with bounded():
        status, _ = await asyncio.gather(ended(api, await started(api, text, value)), other_run(api))

    assert status.phase == enum_pb2.EXECUTION_FAILED
    assert message in status.error


@pytest.mark.parametrize(("text", "value"), ENDED.values(), ids=ENDED)
async def test_what_would_blow_up_elsewhere_just_ends(api, text, value):
    """Patterns do not backtrack, and a large text is not copied about."""
    with bounded():
        status, _ = await asyncio.gather(ended(api, await started(api, text, value)), other_run(api))

    assert status.phase in (enum_pb2.EXECUTION_COMPLETED, enum_pb2.EXECUTION_FAILED)


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
async def test_loop_that_does_not_end_lets_others_have_their_turn(api, text):
    """Several runs end beside it, and it can be cancelled."""
    run_id = await started(api, text)

    for _ in range(3):
        await other_run(api)

    request = io_pb2.CancelWorkflowExecutionInput(id=run_id, reason="enough")
    assert (await api.call(COMMAND, "cancel", request)).status.phase == enum_pb2.EXECUTION_CANCELLED
    await ended(api, run_id)


ALIASES = "a: &a [x]\n" + "".join(f"{name}: &{name} [{f'*{last},' * 9}]\n" for last, name in pairwise("abcdefghi"))
TEXTS = {
    "aliases": (ALIASES, "is not allowed"),
    "merge keys": ("a: &a {x: 1}\nb: {<<: *a}\n", "is not allowed"),
    "brackets": ("[" * 100_000, "more than 64 levels"),
    "braces": ("{a: " * 100_000, "more than 64 levels"),
    "indentation": ("".join(f"{' ' * depth}a:\n" for depth in range(3_000)), "more than 64 levels"),
    "number": ("x: " + "9" * 1_000_000, "too long"),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS)
def test_text_that_unfolds_is_not_read(text, message):
    """It is refused while it is read, and not when all of it is there."""
    with bounded(), pytest.raises(YamlError, match=message):
        list(yaml_documents(text))
