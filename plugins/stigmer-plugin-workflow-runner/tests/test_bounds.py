"""What an expression may take, counted and not timed: each of these would never end otherwise."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.expressions import BudgetExceededError, JqError, compile_expression
from stigmer_plugin_workflow_runner.expressions.budget import STEPS, Budget
from stigmer_plugin_workflow_runner.expressions.extent import levels
from stigmer_plugin_workflow_runner.expressions.values import brief, canonical

DOUBLED = "reduce range(60) as $i ([1]; [., .])"
STOPPED = {
    "range": "[range(1e9)]",
    "fold": "reduce range(1e9) as $i (0; . + $i)",
    "recursion": "def f: if . < 2 then . else (. - 1 | f) + (. - 2 | f) end; 60 | f",
    "mutual recursion": "def f: def g: f; g; f",
    "groups of groups": "[range(60000)] | group_by(. % 100) | map(group_by(. % 10)) | map(map(group_by(.)))",
    "matches": '"a " * 200000 | [splits(" ")]',
    "texts cut": '"a" * 900000 | [limit(9999; repeat(ltrimstr("a")))]',
    "texts compared": '("a" * 900000) as $a | [range(50000) | $a | startswith($a)]',
    "errors caught": "[range(300)] as $a | [range(50000) | try ($a + 1) catch .]",
    "automaton": '"a" * 30000 + "b" | test("(a+)+$")',
    "list doubled": DOUBLED,
    "list doubled and written": f"{DOUBLED} | tojson",
    "list doubled and compared": f"({DOUBLED}) as $a | ({DOUBLED}) as $b | $a == $b",
}


def doubled(times):
    """Return a list that holds another one twice, and so on."""
    value = [1.0]
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize("text", STOPPED.values(), ids=STOPPED)
def test_expression_without_end_is_stopped(text):
    """By the steps that it takes."""
    with pytest.raises(BudgetExceededError, match=r"too many steps|too deeply"):
        compile_expression(text).evaluate(None, {})


@pytest.mark.parametrize("text", [f"{DOUBLED} | error", f"{DOUBLED} | .a", f"{DOUBLED} | . + {{}}", f"{DOUBLED} | -."])
def test_message_about_a_value_without_end_is_short(text):
    """Only the start of a value is looked at for it."""
    with pytest.raises(JqError) as caught:
        compile_expression(text).evaluate(None, {})

    assert len(str(caught.value)) < 150


def test_error_that_is_caught_is_not_told():
    """Its value may be large; nobody reads the message."""
    assert compile_expression("try error([range(9)]) catch length").evaluate(None, {}) == 9
    assert len(str(JqError("a" * 1_000_000))) == 10_000


def test_parts_that_are_shared_are_read_once():
    """Sixty doublings are sixty lists to read, and a number of sixty bits to write."""
    found = list(levels(doubled(60)))

    assert len(found) == 62
    assert found[60].containers == 2**60


def test_parts_that_are_shared_stay_shared():
    """Numbers become what jq prints, without unfolding the value."""
    value = canonical(doubled(60))

    for _ in range(60):
        assert value[0] is value[1]
        value = value[0]
    assert value == [1]


def test_walk_takes_a_step_for_each_list():
    """Lists of one take as much as anything."""
    budget = Budget()
    budget.walk([[1] for _ in range(1_000)])

    assert STEPS - budget.left >= 1_000


def test_start_of_a_value_is_what_its_text_starts_with():
    """As far as a message shows it."""
    assert brief([[], [[]], {"a": []}, 5]) == '[[],[[]],{"a":[]},5]'
    assert brief([[1, 2]] * 50) == "[[1,2],[1,2],[1,2],[1,2],...]"
