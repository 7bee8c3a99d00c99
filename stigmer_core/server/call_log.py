"""One line in the log and one count in the figures per RPC, at its end."""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import Code, StigmerError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from stigmer_core.server.interceptor import Call, Stream, Unary
    from stigmer_core.server.method import Method

logger = logging.getLogger(__name__)

BOUNDS_SECONDS = (0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)


@dataclass(slots=True)
class MethodFigures:
    """How often a method ended with each code, and how long it took. `buckets` are not cumulative."""

    method: str
    codes: list[int] = field(default_factory=lambda: [0] * len(Code))
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_SECONDS) + 1))
    seconds: float = 0.0

    def add(self, code: int, seconds: float) -> None:
        """Count one call."""
        self.codes[code] += 1
        self.buckets[bisect_left(BOUNDS_SECONDS, seconds)] += 1
        self.seconds += seconds


class CallLog:
    """Logs and counts calls; iterating gives the figures of every method that was called."""

    def __init__(self) -> None:
        self._figures: dict[str, MethodFigures] = {}

    def __iter__(self) -> Iterator[MethodFigures]:
        return (figures for figures in self._figures.values() if any(figures.codes))

    def unary(self, method: Method, call_next: Unary) -> Unary:
        """Return the chain of a unary method with this interceptor in front."""
        figures, path = self._of(method), method.path
        add, enabled = figures.add, logger.isEnabledFor

        async def logged(request: Any, call: Call) -> Any:
            started, code = perf_counter(), 0
            try:
                return await call_next(request, call)
            except BaseException as error:
                code = _code_of(error)
                raise
            finally:
                elapsed = perf_counter() - started
                add(code, elapsed)
                if enabled(logging.INFO):
                    _log(path, code, elapsed)

        return logged

    def stream(self, method: Method, call_next: Stream) -> Stream:
        """Return the chain of a streaming method with this interceptor in front."""
        figures, path = self._of(method), method.path

        def ended(error: BaseException | None, seconds: float) -> None:
            code = 0 if error is None else _code_of(error)
            figures.add(code, seconds)
            if logger.isEnabledFor(logging.INFO):
                _log(path, code, seconds)

        def logged(request: Any, call: Call) -> AsyncGenerator[Any, None]:
            call.at_end.append(ended)
            return call_next(request, call)

        return logged

    def _of(self, method: Method) -> MethodFigures:
        name = method.counted_as or method.path
        return self._figures.setdefault(name, MethodFigures(name))


def _code_of(error: BaseException) -> int:
    if isinstance(error, StigmerError):
        return error.code
    if isinstance(error, (asyncio.CancelledError, GeneratorExit)):
        return Code.CANCELLED
    return Code.INTERNAL


def _log(path: str, code: int, elapsed: float) -> None:
    logger.info("rpc done method=%s code=%s duration_ms=%.1f", path, Code(code).name, elapsed * 1_000)
