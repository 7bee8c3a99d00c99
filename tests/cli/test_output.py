"""Data in every format."""

from __future__ import annotations

import json

import pytest

from stigmer_core.cli.output import render
from stigmer_core.cli.tables import Table, cell, table_text
from stigmer_core.cli.yaml_nodes import yaml_documents

LIST = {"apiVersion": "v1", "kind": "AgentList", "items": [{"a": 1}, {"a": 2}]}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("name", "agent/a\nagent/b\n"),
        ("json", json.dumps(LIST, indent=2) + "\n"),
        ("ndjson", '{"a":1}\n{"a":2}\n'),
        ("yaml", "a: 1\n---\na: 2\n"),
        ("table", "NAME\na\n"),
    ],
)
def test_formats(output, expected):
    """A list in every format."""
    assert render(LIST, output=output, table=Table(["NAME"], [["a"]]), names=["agent/a", "agent/b"]) == expected


def test_one_resource_is_one_line_of_ndjson():
    """What is no list is one item."""
    assert render({"kind": "Agent"}, output="ndjson") == '{"kind":"Agent"}\n'


@pytest.mark.parametrize(
    "text",
    ["on", "yes", "1e3", "0o17", "0x1f", "1.0", "1_000", "~", "null", "true", "2026-11-25", "12:30", "", " x", "a: b",
     "line\nline\n", "line\n  deeper\n", "trailing \nspace",
     "tab\t\nx", "\x07bell", "ü\N{GRINNING FACE}", "- x", "#x", "\n",
     "a\x85b"],
)  # fmt: skip
def test_yaml_gives_back_every_text(text):
    """What `-o yaml` writes is read as the same text, as a value and as a key."""
    written = render({"value": text, "nested": [{"deep": text}]}, output="yaml")

    assert next(yaml_documents(written)).value == {"value": text, "nested": [{"deep": text}]}


def test_long_texts_are_blocks_in_yaml():
    """Instructions stay readable."""
    assert render({"text": "one\ntwo\n"}, output="yaml") == "text: |\n  one\n  two\n"


def test_cells_are_whole_without_a_terminal():
    """A pipe gets every character."""
    text = table_text(Table(["NAME", "TEXT"], [["a", "x" * 500]]))

    assert text.splitlines()[1] == "a     " + "x" * 500


def test_the_widest_column_is_cut_on_a_terminal():
    """A line fits the terminal; short columns stay whole."""
    text = table_text(Table(["NAME", "TEXT", "AGE"], [["agent-one", "x" * 500, "3m"]]), width=40)

    assert [len(line) for line in text.splitlines()] == [40, 39]
    assert text.splitlines()[1].startswith("agent-one  xxx")
    assert text.splitlines()[1].endswith("x…  3m")


def test_wide_characters_take_two_columns():
    """Columns line up under CJK text."""
    lines = table_text(Table(["A", "B"], [["日本", "x"], ["ab", "y"]])).splitlines()

    assert lines == ["A     B", "日本  x", "ab    y"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ""), (True, "true"), (["a", 1], "a,1"), ({"a": "b"}, "a=b"), (3, "3")],
)
def test_cell(value, expected):
    """Values of JSON as text."""
    assert cell(value) == expected
