"""The plugin of the README: one file adds a kind to every verb, and its mistakes are shown at their lines."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stigmer_core.testing.distributions import write_distribution

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "examples" / "stigmer-plugin-ticket" / "stigmer_plugin_ticket.py"
MANIFEST = """
    apiVersion: tickets.example/v1
    kind: Ticket
    metadata:
      name: Leaking tap
    spec:
      title: The tap in the kitchen leaks
      severity: {severity}
"""


@pytest.fixture
def stigmer(home, tmp_path):
    """The command line with the plugin installed, over a home of its own."""
    folder = write_distribution(tmp_path, "ticket", SOURCE.read_text())
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])

    def run(*arguments, stdin=""):
        return subprocess.run(
            [sys.executable, "-m", "stigmer_core", *arguments],
            env={**os.environ, "PYTHONPATH": path, "STIGMER_HOME": str(home)},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_kind_appears_in_every_verb(stigmer):
    """Applied, listed with its columns, found by search, deleted: without a line of code for the command line."""
    applied = stigmer("apply", "-f", "-", stdin=textwrap.dedent(MANIFEST).format(severity="high"))
    listed = stigmer("get", "tickets")
    found = stigmer("search", "kitchen", "-o", "name")
    deleted = stigmer("delete", "ticket", "leaking-tap", "--yes")

    assert "Created" in applied.stdout
    assert "SEVERITY" in listed.stdout
    assert "The tap in the kitchen leaks" in listed.stdout
    assert found.stdout == "ticket/leaking-tap\n"
    assert deleted.returncode == 0, deleted.stderr


def test_a_mistake_is_shown_at_its_line(stigmer):
    """With what would be right, and the exit code for invalid input."""
    refused = stigmer("apply", "-f", "-", stdin=textwrap.dedent(MANIFEST).format(severity="huge"))

    assert refused.returncode == 2
    assert "<stdin>:8:13: error: spec.severity: 'huge' is no severity (one of low, high, urgent)" in refused.stderr


def test_the_readme_shows_the_plugin_as_it_is():
    """Its files stand in the README word for word."""
    readme = (ROOT / "README.md").read_text()

    assert SOURCE.read_text().strip() in readme
    assert SOURCE.with_name("pyproject.toml").read_text().split("\n\n", 1)[1].strip() in readme
    assert SOURCE.with_name("test_ticket.py").read_text().strip() in readme


def test_the_plugin_passes_the_conformance_kit(tmp_path):
    """As its author would run it: pytest on the one file, with the plugin installed."""
    folder = write_distribution(tmp_path, "ticket", f"from {SOURCE.stem} import stigmer_kinds")
    path = os.pathsep.join([str(folder), str(SOURCE.parent), os.environ.get("PYTHONPATH", "")])
    test = SOURCE.with_name("test_ticket.py")
    command = [sys.executable, "-m", "pytest", "-q", "--asyncio-mode=auto", "-p", "no:cacheprovider", str(test)]

    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
