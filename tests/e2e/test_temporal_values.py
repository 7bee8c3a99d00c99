"""What Temporal has of a run: with encryption nothing that can be read, without it still no secret."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stigmer_core.testing.server import ServerProcess

SECRET, KNOWN = "canary-7f1c9e02", "a text that everybody knows"
DOCUMENT = """
document: {{dsl: 1.0.3, namespace: test, name: telling, version: 1.0.0}}
use: {{secrets: [api]}}
do:
  - ask:
      call: http
      with: {{method: get, endpoint: "{uri}", headers: {{Authorization: "${{ $secrets.api }}"}}}}
  - tell: {{set: {{said: "{known}"}}}}
  - fail: {{raise: {{error: {{type: "https://test/{word}", title: "{known}", status: 500, detail: "{known}"}}}}}}
"""


class Asked(BaseHTTPRequestHandler):
    """Answers with a text, and keeps the credentials that came."""

    seen = ""

    def do_GET(self):
        """Answer."""
        type(self).seen = self.headers.get("Authorization", "")
        self.send_response(200)
        self.send_header("Content-Length", str(len(KNOWN)))
        self.end_headers()
        self.wfile.write(KNOWN.encode())

    def log_message(self, *_arguments):
        """Say nothing."""


@pytest.fixture
def uri():
    """Return where the server under test may ask."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def histories(tmp_path, uri, encryption):
    """Run a document with a secret and return all bytes of the Temporal server's database."""
    (tmp_path / "telling.yaml").write_text(DOCUMENT.format(uri=uri, known=KNOWN, word=KNOWN.replace(" ", "-")))
    (tmp_path / "secrets.json").write_text(f'{{"api": "{SECRET}"}}')
    options = ["--engine", "temporal", "--network-allow", "127.0.0.1", "--temporal-encryption", encryption]
    server = ServerProcess(tmp_path / "home", options=options).start()
    command = [sys.executable, "-m", "stigmer_core", "--home", str(server.home), "run"]
    command += ["-f", str(tmp_path / "telling.yaml"), "--secret-file", str(tmp_path / "secrets.json")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    server.stop()
    assert KNOWN in ran.stderr, ran.stderr
    assert Asked.seen == SECRET
    with sqlite3.connect(server.home / "temporal.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return b"".join(path.read_bytes() for path in server.home.glob("temporal.db*"))


@pytest.mark.parametrize(("encryption", "readable"), [("true", False), ("false", True)])
def test_secrets_are_in_no_history(tmp_path, uri, encryption, readable):
    """They travel as references, and are filled in where the call is made; other values need the encryption."""
    found = histories(tmp_path, uri, encryption)

    assert SECRET.encode() not in found
    assert (KNOWN.encode() in found) == readable
    assert (b"test/" + KNOWN.replace(" ", "-").encode() in found) == readable
    assert b"workflow-exec-" in found
