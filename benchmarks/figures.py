"""What the benchmarks of a server share: percentiles, and what a process holds in memory."""

from __future__ import annotations

from pathlib import Path


def percentile(times, share):
    """Return the time, in ms, that this share of the calls took at most."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3


def resident_bytes(pid):
    """Return a process's resident memory; 0 where the system has no /proc."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
