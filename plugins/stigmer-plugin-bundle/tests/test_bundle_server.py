"""MCP servers as bundles declare them become specs of McpServer."""

from __future__ import annotations

import pytest
from stigmer_plugin_bundle._server import literal_variables, server_spec

from stigmer_core.errors import InvalidArgumentError


def test_a_program_and_its_environment():
    """Variables are declared with what the bundle sets them to, unless that may be a secret."""
    environment = {"TOKEN": "${GITHUB_TOKEN}", "LEVEL": "debug", "API_KEY": "sk-1", "REGION": "${REGION:-eu}"}

    spec = server_spec({"command": "npx", "args": ["-y", "mcp"], "cwd": "/srv", "env": environment}, "D")

    assert spec["stdio"] == {"command": "npx", "args": ["-y", "mcp"], "working_dir": "/srv"}
    told = {name: (one["isSecret"], one["optional"], one["description"]) for name, one in spec["env"].items()}
    assert told == {
        "TOKEN": (True, False, "the bundle sets ${GITHUB_TOKEN}"),
        "LEVEL": (False, True, "the bundle sets debug"),
        "API_KEY": (True, False, ""),
        "REGION": (True, True, "the bundle sets ${REGION:-eu}"),
    }
    assert literal_variables({"env": environment}) == ["API_KEY", "LEVEL"]


@pytest.mark.parametrize("kind", [None, "http", "streamable-http"])
def test_an_address_and_its_headers(kind):
    """Variables in headers are written in one way, and declared."""
    headers = {"A": "${env:KEY}", "B": "x ${OTHER:-y}"}
    settings = {"url": "https://a.example/mcp", "headers": headers, **({"type": kind} if kind else {})}

    spec = server_spec(settings, "D")

    assert spec["http"] == {"url": "https://a.example/mcp", "headers": {"A": "${KEY}", "B": "x ${OTHER}"}}
    assert {name: one["optional"] for name, one in spec["env"].items()} == {"KEY": False, "OTHER": True}


def test_the_headers_of_codex():
    """A token or a header from a variable."""
    settings = {"url": "https://a.example", "bearer_token_env_var": "T", "env_http_headers": {"X": "V"}}

    spec = server_spec(settings, "D")

    assert spec["http"]["headers"] == {"Authorization": "Bearer ${T}", "X": "${V}"}
    assert sorted(spec["env"]) == ["T", "V"]


BAD = {
    "no object": ([], "must be a JSON object"),
    "a program of the archive": ({"command": "./bin/server"}, "files of the archive"),
    "an argument of the archive": ({"command": "node", "args": ["${CLAUDE_PLUGIN_ROOT}/s.js"]}, "files of the archive"),
    "a variable of the archive": ({"command": "node", "env": {"A": "${PLUGIN_DATA}"}}, "files of the archive"),
    "another transport": ({"type": "sse", "url": "https://a.example"}, "'sse' is not supported"),
    "a command that is none": ({"command": ["npx"]}, "command must be a string"),
    "arguments that are none": ({"command": "npx", "args": "-y"}, "args must be a list"),
    "an environment that is none": ({"command": "npx", "env": ["A"]}, "env must be a JSON object"),
    "a transport that is none": ({"type": ["stdio"]}, "is not supported"),
}


@pytest.mark.parametrize(("settings", "reason"), BAD.values(), ids=BAD)
def test_a_server_that_cannot_run_here_is_refused(settings, reason):
    """With what is wrong, for the remark of the bundle."""
    with pytest.raises(InvalidArgumentError, match=reason):
        server_spec(settings, "D")
