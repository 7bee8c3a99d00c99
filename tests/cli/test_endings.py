"""How commands end: exit codes, streams, signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import click
import grpc
import pytest

from stigmer_core.cli import entry
from stigmer_core.cli.exits import ExitCode, exit_code_of
from stigmer_core.cli.failure import Failure, from_error
from stigmer_core.cli.session import Session
from stigmer_core.errors import Code, NotFoundError

STIGMER = str(Path(sys.executable).with_name("stigmer"))
EXIT_CODES = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 1, "INVALID_ARGUMENT": 2, "DEADLINE_EXCEEDED": 3, "NOT_FOUND": 5,
    "ALREADY_EXISTS": 2, "PERMISSION_DENIED": 4, "RESOURCE_EXHAUSTED": 1, "FAILED_PRECONDITION": 2, "ABORTED": 1,
    "OUT_OF_RANGE": 1, "UNIMPLEMENTED": 1, "INTERNAL": 1, "UNAVAILABLE": 3, "DATA_LOSS": 1, "UNAUTHENTICATED": 4,
}  # fmt: skip


def _shell(command_line, script):
    return subprocess.run(
        ["bash", "-c", script], env=command_line.environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("status", list(grpc.StatusCode), ids=lambda status: status.name)
def test_every_grpc_status_has_its_exit_code(status):
    """Scripts tell causes apart by the exit code alone."""
    assert exit_code_of(status.name) == EXIT_CODES[status.name]


def test_every_error_of_ours_has_a_status_that_grpc_knows():
    """What is raised in this process ends as the same thing would over the wire."""
    assert {code.name for code in Code} == set(EXIT_CODES)
    assert from_error(NotFoundError("Agent", "x")).exit_code == ExitCode.NOT_FOUND


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["get", "agnt"], 2, 'error: unknown kind "agnt"\n  try: stigmer api-resources        (closest match: agent'),
        (["get", "agent", "nope"], 5, 'error: agent "nope" not found in organization "local"\n  why: no agent has'),
        (["get", "agent", "helo"], 5, "  try: stigmer get agents        (closest match: hello)"),
        (["get"], 2, "error: which kind?"),
        (["aply"], 2, 'error: there is no command "aply"\n  try: stigmer apply'),
        (["apply"], 2, "error: missing option '-f' / '--file'\n  try: stigmer apply --help"),
        (["get", "agents", "-o", "xml"], 2, "'xml' is not one of"),
        (["apply", "-f", "/nowhere.yaml"], 2, "error: /nowhere.yaml does not exist"),
        (["--server", "127.0.0.1:1", "get", "agents"], 3, "error: no server answers at 127.0.0.1:1"),
        (["--server", "nonsense", "get", "agents"], 2, "error: 'nonsense' is no server address"),
        (["delete", "agent", "hello"], 2, "try: --yes"),
        (["describe", "agents"], 2, "error: which agent?"),
        (["plugin", "info", "agnt"], 5, "(closest match: agent)"),
        (["--home", "/proc/nowhere", "get", "agents"], 1, "choose another with --home"),
    ],
)
def test_failures_say_what_to_do_and_end_with_their_code(stocked, arguments, code, text):
    """One line with the error, one with what to try; nothing on stdout, no traceback."""
    done = stocked(*arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_errors_are_json_too_when_json_was_asked_for(stocked):
    """The last line of stderr is one object."""
    done = stocked("get", "agent", "nope", "-o", "json")

    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert (error["code"], error["grpc"], error["hint"]) == (5, "NOT_FOUND", "stigmer get agents")


def test_a_closed_pipe_ends_quietly(stocked):
    """`| head` is no error."""
    command = f"{STIGMER} get all -o json | head -c 1"
    done = _shell(stocked, f"set -o pipefail; {command}")

    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_stdout_is_an_error(stocked):
    """Data that is lost is not reported as written."""
    done = _shell(stocked, f"{STIGMER} get agents > /dev/full")

    assert done.returncode == 1
    assert done.stderr == "error: cannot read or write: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_do_no_harm(stocked, closed):
    """A daemon's environment may have neither."""
    done = _shell(stocked, f"{STIGMER} get agents {closed}")

    assert (done.returncode, done.stderr) == (0, "")


def test_a_failure_that_nobody_reads_keeps_its_exit_code(stocked):
    """Errors may go to a closed pipe as well."""
    done = _shell(stocked, f"{{ sleep 1; {STIGMER} get agnt; echo $? >&3; }} 3>&1 2> >(exec true)")

    assert done.stdout == "2\n"


def test_interrupted_commands_end_with_130(stigmer, agent):
    """Ctrl-C while a command waits: no traceback."""
    with stigmer.serving():
        stigmer.ok("apply", "-f", "-", stdin=agent())
        watching = stigmer.start("get", "agent", "hello", "-w", "-o", "name")
        assert watching.stdout.readline() == "agent/hello\n"
        watching.send_signal(signal.SIGINT)
        _, stderr = watching.communicate(timeout=20)

    assert (watching.returncode, stderr) == (130, "")


def test_an_unknown_exception_is_one_line(monkeypatch, capsys):
    """A fault of ours names itself and how to see more."""
    monkeypatch.delenv("STIGMER_TRACEBACK", raising=False)

    assert entry._report(Session(), RuntimeError("boom")) == 1
    assert "why: RuntimeError: boom\n  try: STIGMER_TRACEBACK=1 shows where" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Failure("x", code=ExitCode.TIMED_OUT), 13),
        (click.UsageError("x"), 2),
        (click.Abort(), 130),
        (NotFoundError("Agent", "x"), 5),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates"), 2),
    ],
)
def test_every_kind_of_error_has_its_code(error, code):
    """Whatever a command raises ends with a code of the table."""
    assert entry._failure(error).exit_code == code


def test_terminal_codes_of_names_are_not_shown(stigmer, agent):
    """A hostile description cannot drive the terminal from a table, and stays whole in JSON."""
    hostile = "evil \x1b[31mred"
    stigmer.ok("apply", "-f", "-", stdin=agent(description=json.dumps(hostile)))

    assert "\x1b" not in stigmer.ok("get", "agents")
    assert "evil red" in stigmer.ok("get", "agents")
    assert stigmer.json("get", "agent", "hello")["spec"]["description"] == hostile
