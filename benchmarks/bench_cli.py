"""What the command line costs, in starts of the interpreter: `--help`, `get` in process, `get` from a server.

Rounds are interleaved, each command is a process of its own, and figures are medians as ratios to `python -c pass`.

Usage: bench_cli.py [--rounds N]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STIGMER = str(Path(sys.executable).with_name("stigmer"))
BASE = "python -c pass"
LIMITS = {"--help": 6, "get agents -o name, in process": 9, "get agents -o name, from a server": 20}
MANIFEST = """\
apiVersion: agentic.stigmer.ai/v1
kind: Agent
metadata: {name: hello}
spec: {instructions: Answer briefly and kindly.}
"""
READY_SECONDS = 30


def main():
    """Measure, print a line per command, and fail when one is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="stigmer-") as folder:
        alone, served = _home(Path(folder) / "alone"), _home(Path(folder) / "served")
        with _server(served):
            times = _measure(rounds, alone, served)
    base = statistics.median(times[BASE])
    print(f"{BASE}: {base * 1000:.1f} ms, {rounds} rounds")
    over = 0
    for name, limit in LIMITS.items():
        ratio = statistics.median(times[name]) / base
        over += ratio > limit
        print(f"stigmer {name}: {ratio:.1f} times, at most {limit}")
    return 1 if over else 0


def _measure(rounds, alone, served):
    get = [STIGMER, "get", "agents", "-o", "name"]
    commands = dict(zip(LIMITS, [([STIGMER, "--help"], alone), (get, alone), (get, served)], strict=True))
    commands = {BASE: ([sys.executable, "-c", "pass"], alone)} | commands
    times = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (command, environment) in commands.items():
            begun = time.perf_counter()
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
            times[name].append(time.perf_counter() - begun)
    return times


def _home(folder):
    """Return the environment of a home with one agent."""
    environment = os.environ | {"STIGMER_HOME": str(folder)}
    apply = [STIGMER, "apply", "-f", "-"]
    subprocess.run(apply, env=environment, input=MANIFEST, text=True, check=True, capture_output=True)
    subprocess.run([STIGMER, "get", "agents"], env=environment, check=True, capture_output=True)
    return environment


@contextlib.contextmanager
def _server(environment):
    ready = Path(environment["STIGMER_HOME"]) / "ready.json"
    listen = ["--listen", f"unix:{environment['STIGMER_HOME']}/api.sock", "--http", ""]
    command = [STIGMER, "serve", *listen, "--ready-file", str(ready)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + READY_SECONDS
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the server did not start")
                time.sleep(0.02)
            yield
        finally:
            process.terminate()


if __name__ == "__main__":
    sys.exit(main())
