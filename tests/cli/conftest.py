"""The real command line in processes of its own, on a home that a test may spoil."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

STIGMER = str(Path(sys.executable).with_name("stigmer"))
READY_SECONDS = 30
AGENT = """\
apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata:
  name: {name}
spec:
  description: {description}
  instructions: |
    Answer briefly and kindly.
"""
WORKFLOW = """\
document:
  dsl: '1.0.3'
  namespace: tests
  name: {name}
  version: '1.0.0'
do:
  - answer:
      set:
        on: true
"""


class CommandLine:
    """Runs `stigmer` on a home; stdin is empty and nothing is a terminal."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("STIGMER_", "PYTHON"))
        } | {"STIGMER_HOME": str(home), "XDG_CACHE_HOME": str(home.parent / "cache"), "NO_COLOR": "1"}

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Return how a command ended, with its stdout and stderr."""
        return subprocess.run(
            [STIGMER, *arguments],
            input=stdin,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def ok(self, *arguments: str, stdin: str = "") -> str:
        """Return the stdout of a command that must succeed."""
        done = self(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str, stdin: str = ""):
        """Return the data that a command writes with `-o json`."""
        return json.loads(self.ok(*arguments, "-o", "json", stdin=stdin))

    def start(self, *arguments: str, **options) -> subprocess.Popen[str]:
        """Return a running command."""
        return subprocess.Popen(
            [STIGMER, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    @contextlib.contextmanager
    def serving(self, *flags: str):
        """Run a server on the home's socket and a free port; yield its process."""
        ready = self.home.parent / "ready.json"
        ready.unlink(missing_ok=True)
        listen = ("--listen", f"unix:{self.home / 'api.sock'}", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
        server = self.start("serve", *listen, "--ready-file", str(ready), *flags)
        try:
            _wait_for(ready, server)
            yield server
        finally:
            server.terminate()
            server.communicate(timeout=30)


def _wait_for(ready: Path, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready.exists():
        assert server.poll() is None, server.communicate()[1]
        assert time.monotonic() < deadline, "the server is not ready"
        time.sleep(0.02)


@pytest.fixture
def stigmer():
    """A command line on a new home, under a path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="stigmer-") as folder:
        yield CommandLine(Path(folder) / "home")


@pytest.fixture(scope="module")
def stocked():
    """A command line on a home with two agents and a workflow; for tests that only read."""
    with tempfile.TemporaryDirectory(prefix="stigmer-") as folder:
        command_line = CommandLine(Path(folder) / "home")
        agents = "---\n".join(AGENT.format(name=name, description=f"about {name}") for name in ("hello", "reviewer"))
        command_line.ok("apply", "-f", "-", stdin=agents + "---\n" + WORKFLOW.format(name="switch-on"))
        yield command_line


@pytest.fixture
def agent():
    """The manifest of an agent by its name."""
    return lambda name="hello", description="says hello": AGENT.format(name=name, description=description)


@pytest.fixture
def workflow():
    """A workflow document in the CNCF DSL by its name."""
    return lambda name="switch-on": WORKFLOW.format(name=name)
