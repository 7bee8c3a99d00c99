"""An address that is no MCP server, on a free loopback port, which it prints: `refusing.py WAY`."""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAY = sys.argv[1]
BODIES = {
    "html": (200, "text/html", b"<p>hello</p>"),
    "broken": (500, "text/plain", b"oops"),
    "missing": (404, "text/plain", b"no"),
    "elsewhere": (307, "text/plain", b""),
    "no-json": (200, "application/json", b"{"),
    "huge": (200, "application/json", b"[" + b'"x",' * 3_000_000),
}


class Refusing(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if WAY == "silent":
            time.sleep(3600)
        code, content_type, body = BODIES[WAY]
        self.send_response(code)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        if WAY == "elsewhere":
            self.send_header("location", "http://192.0.2.1/mcp")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}/mcp\n")
    sys.stdout.flush()
    server.serve_forever()
