"""Broken workflow documents: each is refused at its line and column, with what is wrong and what would be right.

Every document of `tests/broken/*.yaml` begins with what is expected, a comment for each problem: its JSON pointer, its
line and column from the first line below the comments, and the text. The files of `tests/broken/yaml` are no YAML that
a manifest may be, so they say line and column in the file.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.cli.manifests import parse_manifests

BROKEN = Path(__file__).parent.parent / "broken"
FILES = sorted(BROKEN.glob("*.yaml"))
LEAST = 300  # documents
_FINDING = re.compile(r"(?P<file>.+):(?P<line>\d+):(?P<column>\d+): error: (?P<text>.*)")


def documents(file):
    """Yield the expected problems of each document with the line before its first one: pointer, place, text."""
    line = 0
    for block in file.read_text().split("\n---\n"):
        expected = re.findall(r"^# (\S+) (\d+):(\d+) (.*)$", block, flags=re.MULTILINE)
        yield line + len(expected), [(pointer, int(at), int(column), text) for pointer, at, column, text in expected]
        line += block.count("\n") + 2


def findings(stigmer, folder, path):
    """Return line, column and text of everything that `stigmer validate` finds, by the file."""
    done = stigmer("validate", "-f", str(path))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    found = [match for line in done.stderr.splitlines() if (match := _FINDING.fullmatch(line))]
    return [
        (Path(match["file"]).relative_to(folder), int(match["line"]), int(match["column"]), match["text"])
        for match in found
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_problem_is_at_its_line_and_column(stigmer, file):
    """All problems of all documents in one process; none more, none less."""
    expected = [
        (before + line, column, text) for before, problems in documents(file) for _, line, column, text in problems
    ]

    found = findings(stigmer, BROKEN, file)

    assert [(line, column) for _, line, column, _ in found] == [(line, column) for line, column, _ in expected]
    for (_, line, _, said), (_, _, text) in zip(found, expected, strict=True):
        assert said.endswith(text), (line, said, text)


def test_text_that_is_no_yaml_is_refused_at_its_place(stigmer):
    """Keys that are there twice, tabs, anchors, tags, depth: said in words, with line and column."""
    expected = []
    for file in sorted((BROKEN / "yaml").glob("*.yaml")):
        line, column, text = re.match(r"# (\d+):(\d+) (.*)\n", file.read_text()).groups()
        expected.append((file.relative_to(BROKEN), int(line), int(column), text))

    assert sorted(findings(stigmer, BROKEN, BROKEN / "yaml")) == expected


def test_there_are_hundreds_of_ways_to_be_wrong():
    """The corpus does not shrink unseen, and each of its documents says what is expected of it."""
    expected = [problems for file in FILES for _, problems in documents(file)]

    assert all(expected)
    assert len(expected) >= LEAST


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_problem_has_its_pointer(file):
    """For programs, which do not count lines; whoever checks a document gets the same problems."""
    for manifest, (_, expected) in zip(parse_manifests(file.name, file.read_text()), documents(file), strict=True):
        found = [(problem.pointer or "/", str(problem).partition(": ")[2]) for problem in check(manifest.value)]

        assert found == [(pointer, text) for pointer, _, _, text in expected]
