"""A workflow as a Mermaid flowchart."""

from __future__ import annotations

import re

import pytest
import yaml
from stigmer_plugin_workflow._adopt import adopt_dsl
from stigmer_plugin_workflow._diagram import mermaid


def drawn(tasks):
    """Return the lines of the chart of some tasks, without their indentation."""
    document = {
        "document": {"dsl": "1.0.3", "namespace": "n", "name": "w", "version": "1.0.0"},
        "do": yaml.safe_load(tasks),
    }
    return [line.strip() for line in mermaid(adopt_dsl(document)).splitlines()]


def test_tasks_follow_each_other():
    """In their order, from the start to the end."""
    lines = drawn("[{a: {set: {x: 1}}}, {b: {wait: PT1S}}]")

    assert lines[:5] == ["flowchart TD", "start((start))", "finish((end))", 'n1["a: set"]', 'n2(["b: wait PT1S"])']
    assert lines[5:] == ["start --> n1", "n1 --> n2", "n2 --> finish"]


def test_switch_has_an_arrow_for_each_case():
    """Forwards, backwards and to the end; without a default also to the next task."""
    lines = drawn(
        "[{s: {switch: [{big: {when: .x > 1, then: a}}, {done: {when: .y, then: end}}]}}, {a: {set: {}, then: s}}]"
    )

    arrows = ['n1 -->|"big: .x #gt; 1"| n2', 'n1 -->|"done: .y"| finish', 'n1 -->|"else"| n2', "n2 --> n1"]
    assert set(arrows) <= set(lines)


def test_tasks_inside_of_others_stand_in_their_frame():
    """Loops, branches, attempts and handlers."""
    lines = drawn("""
    - each: {for: {each: x, in: .xs}, do: [{inner: {set: {}}}]}
    - all: {fork: {branches: [{l: {set: {}}}, {r: {call: http, with: {}}}]}}
    - risky: {try: [{t: {run: {shell: {command: ls}}}}], catch: {do: [{c: {raise: {error: gone}}}]}}
    """)

    frames = [line for line in lines if line.startswith("subgraph")]
    assert [re.search('"(.*)"', line)[1] for line in frames] == [
        "each: for x in .xs",
        "all: fork",
        "risky: try",
        "catch",
    ]
    assert len(frames) == lines.count("end")
    assert 'n6["r: call http"]' in lines
    assert any("-. error .->" in line for line in lines)
    assert "n5 --> n6" not in lines  # branches do not follow each other


@pytest.mark.parametrize("text", ['say "hi"', "<script>", "a|b & #1", "x\ny"])
def test_labels_cannot_break_the_chart(text):
    """Quotes, brackets and line ends of a document stay inside of their label."""
    lines = drawn(f"[{{a: {{if: {text!r}, set: {{}}}}}}]")

    assert len(lines) == 6
    assert re.fullmatch(r'n1\["[^"<>\n]*"\]', lines[3])
