"""The table of `docs/api.md`, for the tests that hold it against a server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parent.parent / "docs" / "api.md"
_ROW = re.compile(r"^\| (\w+) \| `(\w+)` \| ([a-z ]+) \| (.+) \|$", re.MULTILINE)


class Row(NamedTuple):
    path: str
    state: str
    note: str

    @property
    def package(self):
        return self.path[1:].rpartition("/")[0].rpartition(".")[0]

    def line(self):
        service, _, rpc = self.path[1:].partition("/")
        return f"| {service.rpartition('.')[2]} | `{rpc}` | {self.state} | {self.note} |"


def documented():
    """Return the rows of the document, by path."""
    rows = {}
    for section in DOCUMENT.read_text().split("\n## ")[1:]:
        package = section.partition("\n")[0].strip()
        for service, rpc, state, note in _ROW.findall(section):
            path = f"/{package}.{service}/{rpc}"
            rows[path] = Row(path, state, note)
    return rows
