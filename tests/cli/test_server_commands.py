"""`serve`, `status`, `stop`, `token`, `config`, `version`, `completion`."""

from __future__ import annotations

import json
import signal
import socket
import subprocess

import pytest


def test_the_banner_says_where_everything_is(stigmer):
    """On stderr; stdout stays empty."""
    with stigmer.serving() as server:
        server.send_signal(signal.SIGINT)
        stdout, stderr = server.communicate(timeout=30)

    assert (server.returncode, stdout) == (0, "")
    assert stderr.startswith("stigmer 0.1.0 — ready in ")
    for text in (
        "gRPC     unix:",
        "gRPC     127.0.0.1:",
        "HTTP     http://127.0.0.1:",
        "data     ",
        "plugins  ",
        "next  ",
    ):
        assert text in stderr
    assert stderr.endswith("\nstopped\n")


def test_status_tells_a_server_from_none(stigmer):
    """The exit code is 3 where none runs."""
    stopped = stigmer("status", "-o", "json")
    with stigmer.serving() as server:
        running = stigmer.json("status")

    assert (stopped.returncode, json.loads(stopped.stdout)["state"]) == (3, "stopped")
    assert (running["state"], running["pid"]) == ("running", server.pid)
    assert running["address"].startswith("127.0.0.1:")


def test_stop_ends_the_server_that_owns_the_home(stigmer):
    """It returns when the server has ended; without one it does nothing."""
    with stigmer.serving() as server:
        assert stigmer("stop").returncode == 0
        assert server.wait(timeout=10) == 0

    assert stigmer("stop").stderr == f"no server runs in {stigmer.home}\n"


@pytest.mark.parametrize("flag", ["--listen", "--http"])
def test_a_port_that_is_taken_is_named_with_a_way_out(stigmer, flag):
    """In one line."""
    flags = {"--listen": "127.0.0.1:0", "--http": ""}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flags[flag] = f"127.0.0.1:{taken.getsockname()[1]}"
        done = stigmer("serve", *(word for pair in flags.items() for word in pair))

    said = f"error: cannot listen on {flags[flag]}: Address already in use; port 0 takes a free one\n"
    assert (done.returncode, done.stderr) == (3, said)


def test_a_second_server_is_refused(stigmer):
    """With the pid of the first."""
    with stigmer.serving() as server:
        done = stigmer("serve", "--http", "", "--listen", "127.0.0.1:0")

    assert done.returncode == 3
    assert f"in use by process {server.pid}" in done.stderr


def test_tcp_asks_for_the_token_which_the_home_has(stigmer):
    """The command line finds it; a wrong one is not permitted."""
    with stigmer.serving():
        address = stigmer.json("status")["address"]

        assert stigmer("--server", address, "get", "agents").returncode == 0
        wrong = stigmer("--server", address, "get", "agents", STIGMER_TOKEN="wrong")

    assert wrong.returncode == 4
    assert "the token is not the one of this server" in wrong.stderr


def test_token_is_made_once(stigmer):
    """It is there before the first server is."""
    token = stigmer.ok("token")

    assert len(token.strip()) > 40
    assert stigmer.ok("token") == token


def test_config_shows_origins(stigmer):
    """Variable before file before default."""
    stigmer.home.mkdir()
    (stigmer.home / "config.toml").write_text('engine = "temporal"\nauth = "none"\n')
    stigmer.environment["STIGMER_AUTH"] = "token"

    found = {item["name"]: (item["value"], item["origin"]) for item in stigmer.json("config")["items"]}
    assert found["auth"] == ("token", "STIGMER_AUTH")
    assert found["engine"] == ("temporal", str(stigmer.home / "config.toml"))
    assert found["http"] == ("127.0.0.1:7235", "default")


def test_version_names_client_and_server(stigmer):
    """`--version` is the short form."""
    assert stigmer.ok("--version") == "stigmer 0.1.0\n"
    assert stigmer.json("version")["server"] is None


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_back(stigmer, shell):
    """The script asks this command line for the words."""
    assert "_STIGMER_COMPLETE" in stigmer.ok("completion", shell)


def test_the_help_of_completion_can_be_copied(stigmer):
    """A line for each shell."""
    lines = stigmer.ok("completion", "--help").splitlines()

    assert "  bash: source <(stigmer completion bash)" in lines
    assert "  fish: stigmer completion fish | source" in lines


def test_the_bash_script_is_bash(stigmer):
    """The shell can read it."""
    script = stigmer.ok("completion", "bash")

    assert subprocess.run(["bash", "-n"], input=script, text=True, check=True).returncode == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("stigmer ap", ["apply", "api-resources", "apikey"]),
        ("stigmer ru", ["run", "runs"]),
        ("stigmer get agenti", ["agentinstances", "agentinstance"]),
        ("stigmer get agents hel", ["hello"]),
        ("stigmer get nonsense hel", []),
        ("stigmer get agents -o n", ["name", "ndjson"]),
    ],
)
def test_completion_offers(stocked, words, expected):
    """Commands, also of plugins, kinds, names and values; nothing where nothing fits, and never an error."""
    last = str(len(words.split()) - 1)
    done = stocked(_STIGMER_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=last)

    assert [line.partition(",")[2] for line in done.stdout.split()] == expected
    assert (done.returncode, done.stderr) == (0, "")


def test_watch_goes_on_over_a_restart_of_the_server(stigmer, agent):
    """No change is shown twice or lost."""
    with stigmer.serving():
        stigmer.ok("apply", "-f", "-", stdin=agent(description="one"))
        watching = stigmer.start("get", "agent", "hello", "-w", "-o", "ndjson")
        assert json.loads(watching.stdout.readline())["spec"]["description"] == "one"
    with stigmer.serving():
        stigmer.ok("apply", "-f", "-", stdin=agent(description="two"))
        assert json.loads(watching.stdout.readline())["spec"]["description"] == "two"
        stigmer.ok("delete", "agent", "hello", "--yes")
        assert watching.communicate(timeout=20) == ("", "agent/hello was deleted\n")
