"""The server that one would write first: threads, JSON text through json_format, sqlite3, one lock.

Usage: naive_server.py DATABASE SOCKET ROWS

It prints a line when it answers, and stops at the end of its standard input.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
from concurrent import futures

import grpc
from ai.stigmer.agentic.agentinstance.v1 import io_pb2
from ai.stigmer.agentic.agentinstance.v1.api_pb2 import AgentInstance
from google.protobuf import json_format
from rows import agent_instance

SERVICE = "ai.stigmer.agentic.agentinstance.v1.AgentInstanceQueryController"


class Naive:
    def __init__(self, path, rows):
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("CREATE TABLE resource (id TEXT PRIMARY KEY, position INTEGER, data TEXT)")
        made = [agent_instance(number) for number in range(rows)]
        self._database.executemany(
            "INSERT INTO resource VALUES (?, ?, ?)",
            [(one.metadata.id, place, json_format.MessageToJson(one)) for place, one in enumerate(made)],
        )
        self._database.commit()

    def get(self, request, context):
        with self._lock:
            row = self._database.execute("SELECT data FROM resource WHERE id = ?", (request.value,)).fetchone()
        if row is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "not found")
        return json_format.Parse(row[0], AgentInstance())

    def list(self, request, _context):
        size = request.page_info.size
        with self._lock:
            rows = self._database.execute(
                "SELECT data FROM resource ORDER BY position DESC LIMIT ?", (size,)
            ).fetchall()
        return io_pb2.AgentInstanceList(items=[json_format.Parse(data, AgentInstance()) for (data,) in rows])


def main(database, socket, rows):
    naive = Naive(database, rows)
    server = grpc.server(futures.ThreadPoolExecutor(16))
    handlers = {
        "get": grpc.unary_unary_rpc_method_handler(
            naive.get, io_pb2.AgentInstanceId.FromString, AgentInstance.SerializeToString
        ),
        "list": grpc.unary_unary_rpc_method_handler(
            naive.list, io_pb2.ListAgentInstancesRequest.FromString, io_pb2.AgentInstanceList.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    print("ready", flush=True)
    sys.stdin.read()
    server.stop(0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
