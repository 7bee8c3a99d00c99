"""500 crashes: kill -9 at random moments under concurrent creates and workflow runs.

Usage: bench_crashes.py [CRASHES]
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))
import crash_cases

from stigmer_core.testing.crashes import CrashSeries
from stigmer_core.testing.server import ServerProcess


def main(crashes):
    home = Path(tempfile.mkdtemp(prefix="stg"))
    try:
        with ServerProcess(home) as server:
            series = CrashSeries(
                server, manifest=crash_cases.manifest, start_run=crash_cases.start_run, outcome=crash_cases.outcome
            )
            tally = asyncio.run(series.run(crashes))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    restarts = sorted(tally.restart_seconds)
    print(f"crashes                 {tally.crashes}")
    print(f"writes acknowledged     {len(tally.acknowledged)}, lost {len(tally.lost)}")
    print(f"runs started            {len(tally.runs)}, ended wrong {len(tally.wrong)}")
    print(f"ready again after       median {statistics.median(restarts):.2f} s, max {restarts[-1]:.2f} s")
    return 1 if tally.lost or tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
