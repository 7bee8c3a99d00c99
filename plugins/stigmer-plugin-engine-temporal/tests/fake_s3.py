"""What a bucket needs to be: S3's protocol as far as large values use it, over plain HTTP, path style, in memory."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class FakeS3:
    """Serves `objects`, path to content and time; `down` answers everything with 503."""

    def __init__(self):
        self.objects = {}
        self.signed_by = set()  # what the Authorization headers begin with
        self.down = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"fake": self}))
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self._refused():
            return
        self.fake.objects[self._path()] = (content, datetime.now(UTC))
        self._answer(200, b"", ETag='"x"')

    def do_GET(self):
        if self._refused():
            return
        if "list-type" in parse_qs(urlsplit(self.path).query):
            self._answer(200, self._listed().encode(), **{"Content-Type": "application/xml"})
        else:
            self._object()

    def do_HEAD(self):
        if not self._refused():
            self._object()

    def do_DELETE(self):
        if not self._refused():
            self.fake.objects.pop(self._path(), None)
            self._answer(204, b"")

    def log_message(self, *_):
        """Say nothing."""

    def _path(self):
        return unquote(urlsplit(self.path).path)

    def _refused(self):
        self.fake.signed_by.add(self.headers.get("Authorization", "").partition("/")[0])
        if self.fake.down:
            self._answer(503, b"")
        return self.fake.down

    def _object(self):
        found = self.fake.objects.get(self._path())
        if found is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._answer(200, found[0], **{"Last-Modified": format_datetime(found[1], usegmt=True), "ETag": '"x"'})

    def _listed(self):
        query = parse_qs(urlsplit(self.path).query)
        start, delimiter = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
        contents, prefixes = "", set()
        for path, (content, moment) in sorted(self.fake.objects.items()):
            key = path.removeprefix(f"{self._path().rstrip('/')}/")
            rest = key.removeprefix(start)
            if not key.startswith(start):
                continue
            if delimiter and delimiter in rest:
                prefixes.add(start + rest.partition(delimiter)[0] + delimiter)
                continue
            contents += f"<Contents><Key>{escape(key)}</Key><LastModified>{moment.isoformat()}</LastModified>"
            contents += f"<ETag>x</ETag><Size>{len(content)}</Size></Contents>"
        folders = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in prefixes)
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}{folders}</ListBucketResult>"

    def _answer(self, status, content, **headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
