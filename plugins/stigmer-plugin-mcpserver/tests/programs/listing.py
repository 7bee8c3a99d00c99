"""A server that lists whatever it is told to, in pages of 100: `listing.py FILE`, a JSON list of tools.

It knows the handshake of before 2026 only, as most servers do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

TOOLS = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
PAGE = 100
INFO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "listing", "version": "1"},
}


def answer(request):
    if request["method"] == "initialize":
        return {"result": INFO}
    if request["method"] != "tools/list":
        return {"error": {"code": -32601, "message": "Method not found"}}
    if not isinstance(TOOLS, list):
        return {"result": {"tools": TOOLS}}
    start = int((request.get("params") or {}).get("cursor") or 0)
    more = {"nextCursor": str(start + PAGE)} if start + PAGE < len(TOOLS) else {}
    return {"result": {"tools": TOOLS[start : start + PAGE], **more}}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer(message)}) + "\n")
        sys.stdout.flush()
