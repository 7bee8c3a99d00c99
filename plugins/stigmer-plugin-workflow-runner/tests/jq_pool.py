"""jq itself, in processes that can be killed: the oracle of the tests of expressions.

Run as a program it is such a process: it answers each line of `[expression, input]` with a line of its outputs.
"""

from __future__ import annotations

import json
import resource
import select
import subprocess
import sys

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 60  # of one process, which is a thousand times an evaluation
TIMEOUT_SECONDS = 1.0  # of one evaluation; generous, as other tests run beside this one
ERROR, REFUSED, TIMEOUT = "error", "refused", "timeout"


def answer(line: str) -> str:
    """Return the outputs for a line, `error`, or `refused` for what is no expression, as JSON."""
    import jq  # noqa: PLC0415 - only the child has it in memory

    text, value = json.loads(line)
    try:
        program = jq.compile(text)
    except ValueError:
        return json.dumps(REFUSED)
    try:
        return json.dumps(program.input_value(value).all())
    except ValueError:
        return json.dumps(ERROR)


def serve() -> None:
    """Answer lines until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for line in sys.stdin:
        sys.stdout.write(answer(line) + "\n")
        sys.stdout.flush()


class JqProcess:
    """A process that evaluates, and is replaced when one evaluation takes too long or ends it."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self.timeout_seconds = timeout_seconds
        self._process = self._start()

    def evaluate(self, cases: list[tuple[str, object]]) -> list[object]:
        """Return the outputs of each case, `error`, `refused`, or `timeout`."""
        found: list[object] = []
        while len(found) < len(cases):
            self._batch(cases[len(found) : len(found) + 50], found)
        return found

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            stream.close()

    def _batch(self, cases: list[tuple[str, object]], found: list[object]) -> None:
        lines = "".join(json.dumps(case) + "\n" for case in cases)
        self._process.stdin.write(lines.encode())
        self._process.stdin.flush()
        for _ in cases:
            line = self._line()
            if not line.endswith(b"\n"):
                found.append(TIMEOUT)
                self.close()
                self._process = self._start()
                return
            found.append(json.loads(line))

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], self.timeout_seconds)
            if not ready:
                return b""
            part = self._process.stdout.readline()
            if not part:
                return b""
            line += part
        return line

    @staticmethod
    def _start() -> subprocess.Popen[bytes]:
        pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
        command = [sys.executable, __file__]
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nothing, env={}, bufsize=0)


if __name__ == "__main__":
    serve()
