"""Throughput of one worker and of two, where the work is in activities: each call waits 200 ms for its answer.

The server leaves the work to workers (`--temporal-work false`), and each worker has few calls under way at once, so it
is the workers that are the limit, and not Temporal, whose development server takes 40 ms of a core for a call.
A server, a Temporal server and the workers are processes of their own.

Usage: bench_workers.py [--runs N] [--calls N] [--concurrency N] [--wait-ms N] [--rounds N]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from figures import resident_bytes

sys.path.append(str(Path(__file__).parents[1] / "tests" / "e2e"))
from worker_hosts import Cluster


class Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(self.server.wait_seconds)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_arguments):
        pass


async def calls_per_second(cluster, url, arguments):
    """Run workflows whose branches call the slow server, and return the calls per second."""
    call = {"call": "http", "with": {"method": "get", "endpoint": url}}
    fork = {"fork": {"branches": [{f"b{place}": call} for place in range(arguments.calls)]}}
    begun = time.monotonic()
    runs = await asyncio.gather(*(cluster.start(fork) for _ in range(arguments.runs)))
    for run_id in runs:
        await cluster.ended(run_id)
    return arguments.runs * arguments.calls / (time.monotonic() - begun)


async def measured(cluster, url, arguments):
    """Return the calls per second of one worker and of two, in turn, and a worker's memory at the end."""
    options = ["--runner", "workflow", "--concurrency", str(arguments.concurrency)]
    first, second = (cluster.worker(name, *options) for name in ("one", "two"))
    first.start()
    await calls_per_second(cluster, url, arguments)
    alone, together = [], []
    for _ in range(arguments.rounds):
        alone.append(await calls_per_second(cluster, url, arguments))
        second.start()
        together.append(await calls_per_second(cluster, url, arguments))
        second.stop()
    resident = resident_bytes(first.process.pid)
    first.stop()
    return statistics.median(alone), statistics.median(together), resident


def main():
    """Print one table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--calls", type=int, default=10)
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--wait-ms", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    slow = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    slow.daemon_threads, slow.wait_seconds = True, arguments.wait_ms / 1_000
    Thread(target=slow.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="stg") as folder:
        cluster = Cluster(Path(folder))
        try:
            url = f"http://127.0.0.1:{slow.server_port}/"
            alone, together, resident = asyncio.run(measured(cluster, url, arguments))
        finally:
            cluster.close()
            slow.shutdown()
    each = f"{arguments.calls} calls of {arguments.wait_ms} ms"
    print(f"{arguments.runs} runs of {each}, {arguments.concurrency} at once in a worker")
    print(f"  one worker    {alone:8.1f} calls/s")
    print(f"  two workers   {together:8.1f} calls/s   {together / alone:.2f} times as many; more than 1.5 is the aim")
    print(f"  a worker has  {resident / 2**20:8.1f} MB resident   at most 150 is the aim")


if __name__ == "__main__":
    main()
