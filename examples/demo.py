"""The five-minute tour in a few seconds: a server in a throwaway home, the examples, one workflow run.

Run it with `make demo`. It needs no network: the weather forecast comes from a small HTTP server in this process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

EXAMPLES = Path(__file__).parent
STIGMER = Path(sys.executable).with_name("stigmer")
FORECAST = {
    "days": [{"name": "Monday", "rain": 80}, {"name": "Tuesday", "rain": 10}, {"name": "Wednesday", "rain": 65}]
}
READY_SECONDS = 30


class Forecast(BaseHTTPRequestHandler):
    """Answers every GET with the forecast."""

    def do_GET(self) -> None:
        """Send the forecast as JSON."""
        body = json.dumps(FORECAST).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing: the tour's output is the workflow's."""


def main() -> int:
    """Show the tour and return 0 when every command did what it should."""
    forecast = ThreadingHTTPServer(("127.0.0.1", 0), Forecast)
    threading.Thread(target=forecast.serve_forever, daemon=True).start()
    api = f"http://127.0.0.1:{forecast.server_port}"
    with tempfile.TemporaryDirectory(prefix="stigmer-demo-") as home:
        os.environ |= {"STIGMER_HOME": home, "STIGMER_NETWORK_ALLOW": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
        ready = Path(home) / "ready.json"
        serve = [STIGMER, "serve", "--listen", f"unix:{home}/api.sock", "--listen", "127.0.0.1:0"]
        serve += ["--http", "127.0.0.1:0", "--ready-file", ready]
        print("$ stigmer serve", flush=True)
        with subprocess.Popen(list(map(str, serve))) as server:
            try:
                _wait_for(ready, server)
                _tour(api)
            finally:
                server.terminate()
        print(f"the server stopped with exit code {server.returncode}")
        return server.returncode


def _tour(api: str) -> None:
    _show("apply", "-f", str(EXAMPLES))
    _show("get", "agents")
    _show("search", "forecast")
    _show("run", "packing-list", "--input", json.dumps({"api": api}))
    _show("runs", "list")
    latest = _output("runs", "list", "-o", "name").split("\n")[0].partition("/")[2]
    _show("runs", "trace", latest)
    _show("run", "greeting", "--input", '{"name": "Ada", "language": "de"}')


def _show(*arguments: str) -> None:
    shown = " ".join(f"'{argument}'" if "{" in argument else argument for argument in arguments)
    print(f"\n$ stigmer {shown}".replace(str(EXAMPLES), "examples"), flush=True)
    subprocess.run([STIGMER, *arguments], check=True)


def _output(*arguments: str) -> str:
    return subprocess.run([STIGMER, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def _wait_for(ready: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not ready.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the server did not start")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
