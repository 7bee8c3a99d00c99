"""The figures of a server as Prometheus text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stigmer_core.errors import Code
from stigmer_core.server.call_log import BOUNDS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stigmer_core.server.call_log import CallLog, MethodFigures


def metrics_text(call_log: CallLog, gauges: Mapping[str, float]) -> str:
    """Return the exposition format, version 0.0.4: RPC counts and durations by method, and further gauges by name."""
    lines = ["# TYPE stigmer_rpc_total counter"]
    figures = list(call_log)
    for one in figures:
        lines += _counts(one)
    lines.append("# TYPE stigmer_rpc_duration_seconds histogram")
    for one in figures:
        lines += _durations(one)
    for name, value in gauges.items():
        lines += [f"# TYPE stigmer_{name} gauge", f"stigmer_{name} {value:g}"]
    return "\n".join(lines) + "\n"


def _counts(figures: MethodFigures) -> Iterator[str]:
    for code, count in enumerate(figures.codes):
        if count:
            yield f'stigmer_rpc_total{{method="{figures.method}",code="{Code(code).name}"}} {count}'


def _durations(figures: MethodFigures) -> Iterator[str]:
    cumulative = 0
    for bound, count in zip((*map(str, BOUNDS_SECONDS), "+Inf"), figures.buckets, strict=True):
        cumulative += count
        yield f'stigmer_rpc_duration_seconds_bucket{{method="{figures.method}",le="{bound}"}} {cumulative}'
    yield f'stigmer_rpc_duration_seconds_sum{{method="{figures.method}"}} {figures.seconds:.6f}'
    yield f'stigmer_rpc_duration_seconds_count{{method="{figures.method}"}} {cumulative}'
