"""`wait`, `get --watch` over a kind, and `secrets rotate`, on a real server."""

from __future__ import annotations

import json
import threading

import pytest

CONDITIONS = {
    "a value": ("spec.description=two", 0),
    "another value": ("spec.description=three", 13),
    "no path": ("nonsense", 2),
    "an empty path": ("=x", 2),
}


def manifest(name, description):
    return json.dumps(
        {
            "apiVersion": "agentic.stigmer.ai/v1",
            "kind": "Agent",
            "metadata": {"name": name},
            "spec": {"instructions": "Answer briefly and kindly.", "description": description},
        }
    )


@pytest.fixture
def server(stigmer):
    with stigmer.serving() as server:
        stigmer.ok("apply", "-f", "-", stdin=manifest("hello", "two"))
        yield server


@pytest.mark.parametrize(("condition", "code"), CONDITIONS.values(), ids=CONDITIONS)
def test_wait_ends_when_the_condition_holds(stigmer, server, condition, code):
    """0 and the name; 13 when it never does within the time; 2 for what is no condition."""
    done = stigmer("wait", "agent", "hello", "--for", condition, "--timeout", "0.3", "-o", "name")

    assert done.returncode == code, done.stderr
    assert done.stdout == ("agent/hello\n" if code == 0 else "")


def test_wait_sees_a_change_that_comes_later(stigmer, server):
    """And a deletion."""
    waiting = stigmer.start("wait", "agent", "hello", "--for", "spec.description=late", "-o", "name")
    gone = stigmer.start("wait", "agent/hello", "--for", "deleted", "-o", "name")
    stigmer.ok("apply", "-f", "-", stdin=manifest("hello", "late"))
    assert waiting.communicate(timeout=30) == ("agent/hello\n", "")

    stigmer.ok("delete", "agent", "hello", "--yes")

    assert gone.communicate(timeout=30) == ("agent/hello\n", "")


def test_wait_for_what_is_deleted_meanwhile_says_so(stigmer, server):
    """Exit code 5; so is waiting for what is not there."""
    waiting = stigmer.start("wait", "agent", "hello", "--for", "spec.description=never")
    timer = threading.Timer(0.5, stigmer.ok, ("delete", "agent", "hello", "--yes"))
    timer.start()
    _, stderr = waiting.communicate(timeout=30)
    timer.join()

    assert (waiting.returncode, "was deleted before" in stderr or "not found" in stderr) == (5, True)
    assert stigmer("wait", "agent", "hello", "--for", "deleted").returncode == 5


def test_watching_a_kind_shows_what_comes(stigmer, server):
    """First what is there, then every change."""
    watching = stigmer.start("get", "agents", "-w", "-o", "name")
    assert watching.stdout.readline() == "agent/hello\n"

    stigmer.ok("apply", "-f", "-", stdin=manifest("second", "x"))

    assert watching.stdout.readline() == "agent/second\n"
    watching.terminate()
    watching.communicate(timeout=30)


def test_a_wait_for_a_run_ends_with_it(stigmer):
    """`terminal` is any end; the phase may be named without its prefix."""
    document = json.dumps(
        {
            "document": {"dsl": "1.0.3", "namespace": "n", "name": "nap", "version": "1.0.0"},
            "do": [{"nap": {"wait": {"milliseconds": 300}}}],
        }
    )
    with stigmer.serving():
        run = stigmer.ok("run", "-f", "-", "--no-follow", "-o", "name", stdin=document).strip()

        named = stigmer.ok("wait", run, "--for", "phase=terminal", "--timeout", "30", "-o", "name")
        assert named.startswith("workflowexecution/nap-")
        assert stigmer("wait", run, "--for", "phase=completed", "--timeout", "30").returncode == 0


def test_rotated_keys_keep_what_was_stored(stigmer):
    """Another root key, and the secret is still there."""
    environment = {
        "apiVersion": "agentic.stigmer.ai/v1",
        "kind": "Environment",
        "metadata": {"name": "staging"},
        "spec": {"data": {"TOKEN": {"value": "s3cret", "isSecret": True}}},
    }
    with stigmer.serving():
        stigmer.ok("apply", "-f", "-", stdin=json.dumps(environment))
        key = (stigmer.home / "root.key").read_text()
        rotated = stigmer.json("secrets", "rotate")
    again = stigmer("apply", "-f", "-", stdin=json.dumps(environment))

    assert rotated["dataKeys"] == 1
    assert (stigmer.home / "root.key").read_text() != key
    assert "Unchanged" in again.stdout or "unchanged" in again.stdout, again.stdout
