"""`apikey create`: the key is printed once, and authenticates calls over TCP."""

from __future__ import annotations

import json


def test_a_key_is_printed_once_and_works(stigmer):
    """On stdout and nothing else there; a call with it passes, without it is refused; deleted it is revoked."""
    with stigmer.serving():
        address = json.loads((stigmer.home / "server.json").read_text())["grpc"][1]
        key = stigmer.ok("apikey", "create", "ci", "--days", "1").strip()
        call = ("get", "organizations", "--server", address)

        assert key.startswith("stk_")
        assert stigmer(*call, STIGMER_TOKEN=key).returncode == 0
        assert stigmer(*call, STIGMER_TOKEN="stk_other").returncode == 4
        assert key not in stigmer.ok("get", "apikeys", "-o", "yaml")
        stigmer.ok("delete", "apikey", "ci", "--yes")
        assert stigmer(*call, STIGMER_TOKEN=key).returncode == 4


def test_two_keys_of_one_name_are_refused(stigmer):
    """With exit code 2, and in words."""
    stigmer.ok("apikey", "create", "ci")

    again = stigmer("apikey", "create", "ci")

    assert (again.returncode, again.stdout) == (2, "")
    assert "already exists" in again.stderr
