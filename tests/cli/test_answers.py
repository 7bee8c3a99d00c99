"""`stigmer runs answer`: who waits for a person, on the command line."""

from __future__ import annotations

import json

import pytest

DOCUMENT = {
    "document": {"dsl": "1.0.3", "namespace": "n", "name": "asks", "version": "1.0.0"},
    "do": [{"ask": {"call": "stigmer:human", "with": {"prompt": "Sure?", "formSchema": {"required": ["why"]}}}}],
}


@pytest.fixture
def run(stigmer):
    """The id of a run that waits, on a server."""
    with stigmer.serving():
        started = stigmer.json("run", "-f", "-", "--no-follow", stdin=json.dumps(DOCUMENT))
        run_id = started["metadata"]["id"]
        logs = stigmer.start("runs", "logs", "-f", run_id)
        next(line for line in logs.stdout if "approval requested" in line)
        logs.terminate()
        logs.communicate(timeout=30)
        yield run_id


def test_who_follows_a_run_sees_what_is_asked_and_how_to_answer(stigmer, tmp_path):
    """What was asked for is what can be typed; the logs have the question too."""
    document = tmp_path / "asks.json"
    document.write_text(json.dumps(DOCUMENT))
    with stigmer.serving():
        following = stigmer.start("run", "-f", str(document))
        hint = next(line for line in following.stderr if "answer it with" in line)
        asked, (run, task, outcomes) = hint.split("stigmer runs answer ")[0], hint.split()[-3:]
        logs = stigmer.ok("runs", "logs", run)
        stigmer.ok("runs", "answer", run, task, outcomes.split("|")[1], "--form", '{"why": "so"}')
        output, _ = following.communicate(timeout=30)

    assert (task, outcomes, asked.strip()) == ("ask", "approve|deny", "answer it with")
    assert "ask  Sure?  (approve, deny)\n" in logs
    assert json.loads(output)["outcome"] == "deny"


def test_following_goes_on_over_a_restart_of_the_server(stigmer):
    """No event is shown twice or lost."""
    with stigmer.serving():
        run = stigmer.json("run", "-f", "-", "--no-follow", stdin=json.dumps(DOCUMENT))["metadata"]["name"]
        logs = stigmer.start("runs", "logs", "-f", run)
        before = [next(logs.stdout) for _ in range(3)]
    with stigmer.serving():
        stigmer.ok("runs", "answer", run, "ask", "approve", "--form", '{"why": "so"}')
        after, errors = logs.communicate(timeout=60)

    numbers = [int(line.split()[0]) for line in [*before, *after.splitlines()]]
    assert (logs.returncode, errors, numbers) == (0, "", list(range(1, len(numbers) + 1)))
    assert after.endswith("execution completed\n")


def test_an_answer_lets_a_run_go_on(stigmer, run):
    """With the data that the question asks for."""
    stigmer.ok("runs", "answer", run, "ask", "approve", "--form", '{"why": "so"}', "--comment", "fine")

    stigmer.ok("wait", f"workflowexecution/{run}", "--for", "status.phase=EXECUTION_COMPLETED", "--timeout", "30")
    output = stigmer.json("runs", "get", run)["status"]["output"]
    assert (output["formData"], output["comment"]) == ({"why": "so"}, "fine")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["ask", "perhaps"], "one of approve, deny"),
        (["ask", "approve"], "required"),
        (["nothing", "approve"], "no task"),
        (["ask", "approve", "--form", "[1]"], "--form must be a JSON object"),
        (["ask", "approve", "--form", "{"], "--form is not JSON"),
    ],
)
def test_an_answer_that_is_none_is_refused(stigmer, run, arguments, why):
    """Exit code 2, and what would be one."""
    done = stigmer("runs", "answer", run, *arguments)

    assert (done.returncode, why in done.stderr) == (2, True), done.stderr
