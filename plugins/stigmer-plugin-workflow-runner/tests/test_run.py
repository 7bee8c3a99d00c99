"""`run: shell` and `run: script`: real processes, what they are given, and what of them the task puts out."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.activities.process import LARGEST
from stigmer_plugin_workflow_runner.wiring import Wiring

SCRIPT = "import sys, os, json; print(json.dumps([sys.argv[1:], sys.stdin.read(), os.environ['NAME']]))"
GIVEN = "{arguments: [a, '${ .n }'], stdin: '${ .text }', environment: {NAME: '${ .n }'}"


@pytest.fixture(scope="module")
def ready():
    def respond(request):
        return httpx.Response(200, text=f"print({request.headers['authorization']!r})")

    return activities(Wiring(), transport=httpx.MockTransport(respond))


@pytest.fixture
def runs(run, ready):
    """Return a function that runs one task with the given `run`."""

    async def go(definition, value=None, **options):
        return await run(f"[{{a: {{run: {definition}}}}}]", value, activities=ready, **options)

    return go


async def test_script_gets_arguments_input_and_environment(runs):
    """Values that are no texts arrive as JSON; the output is the text that the script prints."""
    code = SCRIPT.replace("'", "''")
    outcome = await runs(f"{{script: {GIVEN}, language: python, code: '{code}'}}}}", {"n": 1, "text": "hi"})

    assert outcome.output == '[["a", "1"], "hi", "1"]'


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")
@pytest.mark.parametrize("code", ["const fs = require('fs')", "import fs from 'node:fs'"])
async def test_script_in_javascript(runs, code):
    """With or without modules; its arguments begin at the third of `argv`."""
    code = f"{code}; console.log(process.argv[2], fs.readdirSync('.').length)".replace("'", "''")
    outcome = await runs(f"{{script: {{language: js, arguments: [x], code: '{code}'}}}}")

    assert outcome.output == "x 0"


async def test_script_in_javascript_without_node(runs, monkeypatch):
    """The fault says what is missing."""
    monkeypatch.setenv("PATH", "/nowhere")
    outcome = await runs("{script: {language: javascript, code: '1'}}")

    assert outcome.failure.type.endswith("/configuration")
    assert "needs node" in outcome.failure.detail


async def test_script_from_elsewhere(runs):
    """It is fetched like any other resource, over checked addresses, with the credentials of its endpoint."""
    endpoint = "{uri: 'https://scripts/{n}.py', authentication: {bearer: {token: t}}}"
    outcome = await runs(f"{{script: {{language: python, source: {{endpoint: {endpoint}}}}}}}", {"n": 1})

    assert outcome.output == "Bearer t"


RETURNS = [
    ("stdout", "out"),
    ("stderr", "err"),
    ("code", 0),
    ("none", None),
    ("all", {"code": 0, "stdout": "out", "stderr": "err"}),
]


@pytest.mark.parametrize(("part", "output"), RETURNS)
async def test_return_says_what_the_output_is(runs, part, output):
    """Newlines at the end are left out, as the shell does with what a command prints."""
    outcome = await runs(f"{{shell: {{command: 'echo out; echo err >&2'}}, return: {part}}}")

    assert outcome.output == output


async def test_code_that_is_not_zero_faults(runs):
    """With what the process complained about."""
    outcome = await runs("{shell: {command: 'echo no such luck >&2; exit 3'}}")

    assert outcome.failure.type.endswith("/runtime")
    assert outcome.failure.detail == "the process ended with code 3: no such luck"


@pytest.mark.parametrize(("part", "output"), [("code", 3), ("all", {"code": 3, "stdout": "", "stderr": ""})])
async def test_code_that_is_asked_for_does_not_fault(runs, part, output):
    """The document looks at it itself."""
    assert (await runs(f"{{shell: {{command: exit 3}}, return: {part}}}")).output == output


@pytest.mark.parametrize(("command", "output"), [("printf '%s|'", "a b|$HOME|"), ('echo "$2/$1"', "$HOME/a b")])
async def test_arguments_of_a_command_are_no_shell_text(runs, command, output):
    """They follow the command, unless it takes them itself."""
    quoted = command.replace("'", "''")
    outcome = await runs(f"{{shell: {{command: '{quoted}', arguments: ['${{ .x }}', $HOME]}}}}", {"x": "a b"})

    assert outcome.output == output


async def test_environment_of_the_server_stays_with_it(runs, monkeypatch):
    """A process has a PATH, a home of its own, a language, and what the task says."""
    monkeypatch.setenv("STIGMER_TEST_TOKEN", "t0p")
    outcome = await runs("{shell: {command: 'env | cut -d= -f1 | sort', environment: {MINE: 1}}}")

    names = set(outcome.output.split())
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"HOME", "LANG", "MINE", "PATH", "TMPDIR"}


async def test_working_directory_is_its_own_and_goes_away(runs):
    """Empty before, gone afterwards."""
    outcome = await runs("{shell: {command: 'ls -A; pwd; echo x > file; test $HOME = $(pwd)'}}")

    assert outcome.failure is None
    assert "/work" in outcome.output
    assert not Path(outcome.output).exists()  # noqa: ASYNC240 - nothing else runs


async def test_output_is_bounded(runs):
    """A process that writes without end is stopped."""
    outcome = await runs("{shell: {command: 'yes'}}")

    assert str(LARGEST) in outcome.failure.detail


async def test_process_for_which_nobody_waits(runs):
    """The task's output is its input, and the process goes on."""
    outcome = await runs("{shell: {command: 'exit 1'}, await: false}", {"x": 1})

    assert outcome.output == {"x": 1}


async def test_status_names_the_sandbox(runs):
    """Whoever looks at the run sees how its processes were kept."""
    outcome = await runs("{shell: {command: 'true'}}")

    (task,) = outcome.statuses[-1]["status"]["tasks"]
    assert task["metadata"]["sandbox"] in ("bubblewrap", "landlock")


async def test_expression_in_what_a_process_prints_is_text(runs):
    """Nothing that arrives is evaluated."""
    assert (await runs("{shell: {command: \"echo '${ 1 + 1 }'\"}}")).output == "${ 1 + 1 }"


WRONG = [
    ("{shell: {command: x, arguments: 1}}", "a list"),
    ("{shell: {command: x, environment: '${ 1 }'}}", "an object"),
    ("{shell: {command: x, environment: {'a=b': 1}}}", "cannot name a variable"),
    ("{shell: {command: '${ \"a\\u0000\" }'}}", "NUL"),
]


@pytest.mark.parametrize(("definition", "message"), WRONG)
async def test_what_cannot_be_given_to_a_process(runs, definition, message):
    """Said when the document is checked, or when its values are known."""
    outcome = await runs(definition)

    assert outcome.failure.type.endswith("/configuration")
    assert message in outcome.failure.detail
