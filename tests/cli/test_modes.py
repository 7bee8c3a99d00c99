"""A server or none: the same command writes the same bytes."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading

import pytest

COMMANDS = [
    ["api-resources"],
    ["api-resources", "-o", "json"],
    ["get", "all", "-o", "json"],
    ["get", "all", "-o", "name"],
    ["get", "agents"],
    ["get", "agents", "-o", "wide"],
    ["get", "agents", "-o", "json"],
    ["get", "agents", "-o", "yaml"],
    ["get", "agents", "-o", "ndjson"],
    ["get", "agents", "-A", "-o", "json"],
    ["get", "agent", "hello", "-o", "json"],
    ["get", "agent", "hello", "nope"],
    ["get", "agent", "helo"],
    ["get", "agnt"],
    ["get", "organizations", "-o", "json"],
    ["describe", "workflow", "switch-on"],
    ["describe", "workflow", "switch-on", "-o", "mermaid"],
    ["search", "hello", "-o", "json"],
    ["delete", "agent", "hello"],
    ["plugin", "list", "-o", "json"],
    ["config", "-o", "json"],
]
AGE = re.compile(r"\b\d+[smhd]\b *")  # with the spaces behind it: a longer age widens its column


def _all(stigmer):
    done = [stigmer(*command) for command in COMMANDS]
    return [(one.returncode, AGE.sub("AGE", one.stdout), one.stderr) for one in done]


def test_output_is_the_same_with_and_without_a_server(stocked):
    """Data, messages and exit codes of every reading command."""
    in_process = _all(stocked)
    with stocked.serving():
        remote = _all(stocked)

    for command, one, other in zip(COMMANDS, in_process, remote, strict=True):
        assert one == other, command


def test_writes_are_the_same_with_and_without_a_server(stigmer, agent, workflow):
    """Apply, diff and delete differ in ids alone."""
    manifests = agent() + "---\n" + workflow()

    def written():
        steps = [
            ("diff", "-f", "-"),
            ("apply", "-f", "-", "-o", "name"),
            ("apply", "-f", "-"),
            ("delete", "-f", "-", "--yes"),
        ]
        return [re.sub(r"_[0-9a-z]{26}", "_ID", stigmer.ok(*step, stdin=manifests)) for step in steps]

    in_process = written()
    with stigmer.serving():
        assert written() == in_process


def test_a_server_that_died_is_not_waited_for(stigmer, agent):
    """Its `server.json` stays, its lock does not: the next command reads in process."""
    stigmer.ok("apply", "-f", "-", stdin=agent())
    with stigmer.serving() as server:
        server.kill()
        server.wait()
        assert (stigmer.home / "server.json").exists()

        assert stigmer.ok("get", "agents", "-o", "name") == "agent/hello\n"


def test_commands_at_the_same_time_wait_for_each_other(stigmer, agent):
    """Two of them own the home one after the other."""
    stigmer.ok("apply", "-f", "-", stdin=agent())
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(stigmer("get", "agents", "-o", "name"))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [(done.returncode, done.stdout) for done in results] == [(0, "agent/hello\n")] * 4


def test_a_home_that_stays_in_use_is_an_error_that_says_by_whom(stigmer):
    """After two seconds the command gives up."""
    from stigmer_core.store import OwnerLock  # noqa: PLC0415 - a lock of this process, not of the command line

    stigmer.ok("get", "all")
    with OwnerLock(stigmer.home / "server.lock"):
        done = stigmer("get", "agents")

    assert done.returncode == 3
    assert "is in use by process" in done.stderr


def test_reading_does_not_make_a_home_without_its_organization(stigmer):
    """The first command of a home sets it up whole."""
    assert stigmer.ok("get", "orgs", "-o", "name") == "organization/local\n"


@pytest.mark.parametrize("damage", ["not a database", ""])
def test_a_damaged_database_is_an_error_and_stays_as_it_is(stigmer, damage):
    """Nothing is made anew over it."""
    stigmer.ok("get", "all")
    database = stigmer.home / "stigmer.db"
    database.write_text(damage)
    done = stigmer("get", "agents")

    assert done.returncode == 1
    assert str(database) in done.stderr
    assert database.read_text() == damage


def test_the_local_reader_sees_what_sql_sees(stocked):
    """`-o json` is the stored text."""
    address = f"file:{stocked.home / 'stigmer.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
        (text,) = connection.execute("SELECT count(*) FROM resources WHERE kind = 'Agent'").fetchone()

    assert len(stocked.json("get", "agents")["items"]) == text
