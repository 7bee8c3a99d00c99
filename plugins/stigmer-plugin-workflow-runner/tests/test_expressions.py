"""Expressions mean what jq says they mean: the oracle is jq itself."""

from __future__ import annotations

import json
import time
from pathlib import Path

import jq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stigmer_plugin_workflow_runner.expressions import (
    BudgetExceededError,
    JqError,
    UnsupportedExpressionError,
    compile_expression,
)

CORPUS = Path(__file__).with_name("expressions.jq").read_text().splitlines()


def theirs(text, value):
    """Return all of jq's outputs as JSON, or `error`."""
    try:
        return json.dumps(jq.compile(text).input_value(value).all())
    except ValueError:
        return "error"


def as_doubles(value):
    """Return a value with integers as the binding of jq reads them, though jq itself keeps all of their digits."""
    if isinstance(value, list):
        return [as_doubles(item) for item in value]
    return int(float(value)) if type(value) is int else value


def ours(text, value):
    """Return all of our outputs as JSON, or `error`."""
    try:
        return json.dumps(as_doubles(compile_expression(text).all(value, {})))
    except (JqError, UnsupportedExpressionError):
        return "error"


@pytest.mark.parametrize("text", CORPUS)
def test_corpus_agrees_with_jq(text):
    """Every line makes the same values, or fails in both."""
    assert ours(text, None) == theirs(text, None)


names = st.sampled_from(["a", "b", "c"])
numbers = st.integers(-3, 5) | st.sampled_from([0.5, -1.5, 2.25])
scalars = st.none() | st.booleans() | numbers | st.sampled_from(["", "a", "b", "ab", "1", "a,b"])
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)
ZERO = [
    "length", "keys", "add", "not", "type", "tostring", "first", "last", "min", "max", "sort", "unique", "reverse",
    "any", "all", "flatten", "to_entries", "ascii_downcase", "floor", "round", "values", "empty", "tojson", "abs",
    "from_entries", "keys_unsorted", "tonumber", "transpose", "paths", "strings", "numbers", "trim",
]  # fmt: skip
ONE = [
    "map", "select", "sort_by", "group_by", "min_by", "max_by", "unique_by", "has", "contains", "inside", "index",
    "indices", "join", "split", "startswith", "endswith", "ltrimstr", "rtrimstr", "any", "all", "first", "last",
    "add", "map_values", "with_entries", "isempty", "flatten", "IN", "error", "range",
]  # fmt: skip
OPERATORS = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "and", "or", "//", ",", "|"]


def larger(inner):
    """Return expressions made of smaller ones."""
    one = inner.map(lambda e: f"({e})")
    return (
        st.builds("({} {} {})".format, one, st.sampled_from(OPERATORS), one)
        | st.builds("{}({})".format, st.sampled_from(ONE), inner)
        | st.builds("{}.{}".format, one, names)
        | st.builds("{}[{}]".format, one, inner)
        | st.builds("{}[{}:{}]".format, one, inner, inner)
        | st.builds("{}[]".format, one)
        | st.builds("{}?".format, one)
        | st.builds("[{}]".format, inner)
        | st.builds('{{a: {}, ("b", "c"): {}}}'.format, one, one)
        | st.builds("if {} then {} else {} end".format, inner, inner, inner)
        | st.builds(
            "try {} catch ({})".format, one, leaves.filter(lambda e: "." not in e and e not in ZERO) | st.just("type")
        )
        | st.builds("reduce {} as $x ({}; {} + $x)".format, one, inner, one)
        | st.builds("{} as $x | [$x, {}]".format, one, inner)
        | st.builds('"<\\({})>"'.format, inner)
        | st.builds("limit({}; {})".format, st.sampled_from(["0", "1", "2", "(1, 2)"]), inner)
        | st.builds("-{}".format, one)
    )


leaves = st.sampled_from([".", "..", ".a", ".b", ".[0]", ".[]?", *ZERO]) | scalars.map(json.dumps)
expressions = st.recursive(leaves, larger, max_leaves=6)


@settings(max_examples=500, deadline=None, derandomize=True)  # the same examples everywhere
@given(expressions, documents)
def test_any_expression_agrees_with_jq(text, value):
    """Generated expressions over generated documents make the same values, or fail in both."""
    assert ours(text, value) == theirs(text, value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("now", "no clock"),
        ("localtime", "no time zone"),
        ("env.HOME", "no environment"),
        ("$ENV", "not supported"),
        ("$__prog_args", "not supported"),
        ("input", "no streams"),
        ("debug", "no streams"),
        ("halt_error", "cannot end the run"),
        ('import "a" as a; .', "not supported"),
        ('include "a"; .', "not supported"),
        ("modulemeta", "no modules"),
        ("get_search_list", "no environment"),
        ("input_filename", "no environment"),
        ("j0", "Bessel"),
        ("break $out", "no label"),
        ("lenght", "did you mean 'length'"),
        ("map(.; .)", "does not take 2 arguments"),
        (".a |", "unexpected the end"),
        ("@base65", "not supported"),
        ('"open', "not closed"),
        ("(" * 500 + ")" * 500, "too deeply"),
        ("+".join(["1"] * 500), "too long"),
    ],
)
def test_what_is_outside_is_refused_in_words(text, message):
    """A document with it does not compile; nothing is found out only when it runs."""
    with pytest.raises(UnsupportedExpressionError, match=message):
        compile_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "[range(1e9)]",
        "reduce range(1e7) as $x (0; . + 1)",
        'reduce range(60) as $x ("x"; . + .)',
        "reduce range(60) as $x ([1]; . + .)",
        "try [range(1e9)] catch 1",
        "[range(3000)] | [.[] as $a | .[] as $b | $a * $b]",
        "def f: f; f",
        "def f: 1 + f; f",
        "def f(g): g | f(g + 1); f(0)",
        "try (def f: [f]; f) catch 1",
        "[recurse(. + 1)]",
        "0 | until(false; . + 1)",
        "[0 | while(true; . + 1)]",
        "last(repeat(1))",
        "reduce range(60) as $x ([1]; [., .])",
        "reduce range(60) as $x ([1]; [., .]) | tojson",
        "reduce range(60) as $x ([1]; [., .]) | . == .",
        "reduce range(60) as $x ([1]; [., .]) | flatten",
        "reduce range(60) as $x ({}; {a: ., b: .}) | [paths]",
        "[range(30) | [0, 1]] | [combinations]",
        '"x" * 1e9',
        "[] | .[1e9] = 1",
        "reduce range(1e6) as $x ([]; . + [$x])",
    ],
)
def test_runaway_expression_ends_within_its_budget(text):
    """Neither time nor memory can be taken without end, and `try` does not help."""
    started = time.monotonic()
    with pytest.raises((BudgetExceededError, JqError)):
        compile_expression(text).evaluate(None, {})

    assert time.monotonic() - started < 20


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?=a)b", "(?<!a)b", "(?>a)b", "a*+b"])
def test_pattern_that_looks_around_or_back_is_refused(pattern):
    """Such a pattern needs an engine that can be held up."""
    with pytest.raises(JqError, match="may take too long"):
        compile_expression(f"test({json.dumps(pattern)})").evaluate("a" * 40, {})


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)(.*)(.*)x", "(a?){30}b", "a.*b"])
def test_pattern_that_could_backtrack_without_end_ends_within_the_budget(pattern):
    """A regular expression of a document cannot hold up the loop, on a short text or on a long one."""
    expression = compile_expression(f"test({json.dumps(pattern)})")
    started = time.monotonic()

    assert expression.evaluate("a" * 400 + "!", {}) is False
    with pytest.raises(BudgetExceededError):
        expression.evaluate("a" * 200_000 + "!", {})
    assert time.monotonic() - started < 20


def test_free_variables_are_known():
    """What an expression takes from outside is known before it runs; what it binds is not among it."""
    expression = compile_expression(".a as $x | $x + $context.b + $input")

    assert expression.variables == {"context", "input"}
    assert expression.evaluate({"a": 1}, {"context": {"b": 2}, "input": 3}) == 6


def test_deep_value_is_an_error_and_no_crash():
    """Python's recursion limit shows as an error of the expression."""
    with pytest.raises(JqError, match="nested too deeply"):
        compile_expression("reduce range(10000) as $x (0; [.]) | tojson").evaluate(None, {})
