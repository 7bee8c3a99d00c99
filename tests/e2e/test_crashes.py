"""Killed at random moments under load, a server loses nothing it acknowledged, and every run ends right."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import crash_cases

from stigmer_core.testing.crashes import CrashSeries

CRASHES = 12


async def test_nothing_acknowledged_is_lost_and_every_run_ends_right(server):
    """`kill -9` during concurrent creates and workflow runs; `benchmarks/bench_crashes.py` does it 500 times."""
    series = CrashSeries(
        server, manifest=crash_cases.manifest, start_run=crash_cases.start_run, outcome=crash_cases.outcome, seed=7
    )

    tally = await series.run(CRASHES)

    assert tally.crashes == CRASHES
    assert tally.lost == []
    assert tally.wrong == []
    assert len(tally.acknowledged) > CRASHES
    assert len(tally.runs) >= CRASHES // 2
