"""A process with runs under way, to be killed; when they have all ended it prints what is recorded."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from local_engine_host import Host
from local_engine_programs import Counting

from stigmer_core.program import Runner

RUNS = 20


async def slowly(arguments, _context):
    """Return the argument plus one, after a moment."""
    await asyncio.sleep(0.01)
    return arguments + 1


async def main(folder: Path) -> None:
    """Start the runs, or go on with them, and wait until they have ended."""
    runners = {"test": Runner("test", Counting(), activities={"work": slowly})}
    host = await Host(folder / "stigmer.db", runners).open()
    names = [f"r{number}" for number in range(RUNS)]
    for name in names:
        await host.start(name, {"calls": 100})
    runs = [(await host.ended(name))[:2] for name in names]
    sys.stdout.write(json.dumps({"runs": runs, "statuses": [len(host.statuses(name)) for name in names]}))
    await host.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
