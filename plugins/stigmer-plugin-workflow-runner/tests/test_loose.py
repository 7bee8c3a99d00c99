"""`evaluate.mode: loose` takes expressions in more forms, and strict mode takes none of them."""

from __future__ import annotations

import json

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.loose import strict_text


def tasks(text):
    """Return the tasks that set `made` to a text, as YAML."""
    return json.dumps([{"one": {"set": {"made": text}}}])


PERSON = {"name": "Ada", "age": 36, "tags": ["x"]}
FORMS = [
    (".name", "Ada"),
    ("$input.name", "Ada"),
    (".age + 1", 37),
    (".", PERSON),
    ("${ .name }", "Ada"),
    ("Hello ${ .name }!", "Hello Ada!"),
    ("${ .name } is ${ .age }", "Ada is 36"),
    ('a "quoted" \\ ${ {a: .age} | .a }', 'a "quoted" \\ 36'),
    ("https://example.com/${.name}/\\(1)", "https://example.com/Ada/\\(1)"),
    ('${ "in jq: \\(.name)" }', "in jq: Ada"),
]
TEXTS = ["name", "Hello .name", "./run.sh", ".5", "...", "$5 off", "a { b }", "", ".gitignore file", "$"]


@pytest.mark.parametrize(("text", "value"), FORMS)
async def test_loose_form_is_evaluated(run, text, value):
    """A path or a variable needs no `${ }`, and `${ }` may stand inside of other text."""
    outcome = await run(tasks(text), PERSON, evaluate={"mode": "loose"})

    assert outcome.output == {"made": value}


@pytest.mark.parametrize("text", TEXTS)
async def test_what_is_no_expression_is_text_in_loose_mode(run, text):
    """A text that does not compile as a whole is a text."""
    outcome = await run(tasks(text), PERSON, evaluate={"mode": "loose"})

    assert outcome.output == {"made": text}


@pytest.mark.parametrize("text", [".name", "Hello ${ .name }!", "$input.name"])
async def test_strict_mode_leaves_it_as_text(run, text):
    """Only `${ }` around the whole text makes an expression without `mode: loose`."""
    outcome = await run(tasks(text), PERSON)

    assert outcome.output == {"made": text}


def test_fault_of_a_loose_expression_is_found_at_its_place(document):
    """The rewriting keeps pointers, and an expression that is meant as one does not turn into text."""
    found = check(document(tasks("Hello ${ .name | nothing }"), evaluate={"mode": "loose"}))

    assert [(problem.pointer, "nothing" in problem.message) for problem in found] == [("/do/0/one/set/made", True)]


@pytest.mark.parametrize(("key", "value"), [("mode", "lax"), ("mode", ["loose"]), ("language", "js"), ("mode", None)])
def test_unknown_mode_or_language_is_refused(document, key, value):
    """What is known is said in the hint."""
    found = check(document(tasks("a"), evaluate={key: value}))

    assert [problem.pointer for problem in found] == [f"/evaluate/{key}"]


def test_text_that_only_looks_like_an_expression_is_kept():
    """Nothing is rewritten that the compiler would not take."""
    assert [strict_text(text) for text in TEXTS] == TEXTS


async def test_data_is_never_evaluated_in_loose_mode(run):
    """Text that arrives as input stays text."""
    outcome = await run(tasks(".name"), {"name": "${ .age } .age"}, evaluate={"mode": "loose"})

    assert outcome.output == {"made": "${ .age } .age"}
