"""200 runs of 20 steps on Temporal, while the server, a worker and Temporal itself are killed in turn.

Usage: bench_temporal_chaos.py [RUNS STEPS KILLS]
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "e2e"))
from temporal_chaos import Chaos


def main(runs, steps, kills):
    home = Path(tempfile.mkdtemp(prefix="stg"))
    try:
        tally = asyncio.run(Chaos(home, runs=runs, steps=steps, kills=kills, end_within_seconds=1_800).run())
    finally:
        shutil.rmtree(home, ignore_errors=True)
    killed = ", ".join(f"{what} {count}" for what, count in tally.kills.items())
    print(f"runs                    {len(tally.runs)} of {steps} steps in {tally.seconds:.0f} s; killed: {killed}")
    print(f"not ended, ended wrong  {len(tally.unended)}, {len(tally.failed)}")
    print(f"steps not recorded once {len(tally.steps)}")
    print(f"effects not asked for   {len(tally.effects)}; asked for again under their key {tally.asked_again}")
    for problem in [*tally.unended, *tally.failed, *tally.steps, *tally.effects][:20]:
        print(f"  {problem}")
    return 1 if tally.unended or tally.failed or tally.steps or tally.effects else 0


if __name__ == "__main__":
    sys.exit(main(*(map(int, sys.argv[1:]) if len(sys.argv) > 1 else (200, 20, 30))))
