"""Over gRPC: `get` and a 50-row page of 2 KB resources against the naive server of `naive_server.py`.

Both servers run at once, each in a process of its own, on unix sockets; rounds are interleaved. The load comes from
`h2load` (Debian: nghttp2-client): a client in Python costs as much as the server and would measure itself.

Usage: bench_grpc.py [--rows N] [--rounds N]
"""

from __future__ import annotations

import argparse
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ai.stigmer.agentic.agentinstance.v1 import io_pb2
from google.protobuf import json_format
from rows import ORG, agent_instance

from stigmer_core.store import Store
from stigmer_core.testing.server import ServerProcess

QUERY = "/ai.stigmer.agentic.agentinstance.v1.AgentInstanceQueryController"
HERE = Path(__file__).parent
OURS, NAIVE = 0, 1
CALLS = {"get": (6_000, 2_000, 32), "list": (2_000, 100, 16)}  # ours, naive, in flight


def fill(path, rows):
    store = Store.open(path)
    for start in range(0, rows, 500):
        store.run_blocking(lambda tx, start=start: [insert(tx, n) for n in range(start, min(start + 500, rows))])
    store.close()


def insert(tx, number):
    one = agent_instance(number)
    tx.insert(
        kind="AgentInstance",
        resource_id=one.metadata.id,
        org=ORG,
        slug=one.metadata.slug,
        data=json_format.MessageToJson(one, indent=None),
        body=one.SerializeToString(),
    )


def per_second(socket, method, body, calls, in_flight):
    """Return the calls a second that h2load sees answered with status 0."""
    command = ["h2load", "-n", calls, "-c", 1, "-m", in_flight, "-d", body, "-B", f"unix:{socket}"]
    command += ["-H", "content-type: application/grpc", "-H", "te: trailers", f"http://localhost{QUERY}/{method}"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True).stdout
    succeeded = int(re.search(r"(\d+) succeeded", done).group(1))
    if succeeded != calls:
        raise SystemExit(done)
    return float(re.search(r"([\d.]+) req/s", done).group(1))


def bodies(folder, rows):
    requests = {
        "get": io_pb2.AgentInstanceId(value=f"ain_{rows // 2:026d}"),
        "list": io_pb2.ListAgentInstancesRequest(org=ORG, page_info={"num": 1, "size": 50}),
    }
    files = {}
    for method, request in requests.items():
        message = request.SerializeToString()
        files[method] = folder / method
        files[method].write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    return files


def measure(sockets, files, rounds):
    for method, (fast_calls, slow_calls, in_flight) in CALLS.items():
        figures = []
        for _ in range(rounds):
            ours = per_second(sockets[OURS], method, files[method], fast_calls, in_flight)
            figures.append((ours, per_second(sockets[NAIVE], method, files[method], slow_calls, in_flight)))
        ours, naive = (statistics.median(column) for column in zip(*figures, strict=True))
        ratio = statistics.median(a / b for a, b in figures)
        print(f"{method:4s}  ours {ours:8.0f}/s  naive {naive:8.0f}/s  ratio {ratio:.1f}")


def main(rows, rounds):
    if shutil.which("h2load") is None:
        print("skipped: h2load is needed for it: apt-get install nghttp2-client")
        return
    with tempfile.TemporaryDirectory(prefix="stg") as name:
        folder = Path(name)
        home, naive_socket = folder / "h", folder / "naive.sock"
        with ServerProcess(home) as server:
            server.stop()
        fill(home / "stigmer.db", rows)
        command = list(map(str, [sys.executable, HERE / "naive_server.py", folder / "naive.db", naive_socket, rows]))
        with (
            ServerProcess(home) as server,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as naive,
        ):
            naive.stdout.readline()
            try:
                measure((home / "api.sock", naive_socket), bodies(folder, rows), rounds)
            finally:
                naive.stdin.close()
                server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.rows, arguments.rounds)
