"""The conformance kits as a program: `make ctk`.

Usage: conformance.py [memory|local|crash|temporal|all]

Reads the official kit from where `STIGMER_CTK` says, or beside this project, and the project's own kit from `ctk/`;
runs every scenario on the drivers that are asked for, and prints the score of each feature and of the official kit.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from kit_drivers import DRIVERS
from kit_steps import KIT, OWN_KIT, play, scenarios_of
from kit_temporal import stop_temporal


def main(engine: str) -> int:
    """Run the kits and return the exit code."""
    drivers = list(DRIVERS) if engine == "all" else [engine]
    if not set(drivers) <= set(DRIVERS):
        print(f"unknown engine {engine}: {', '.join(DRIVERS)} or all", file=sys.stderr)
        return 2
    try:
        failed = _run(OWN_KIT, "extended kit", drivers)
        if not KIT.is_dir():
            print(f"the official kit is skipped: there is none in {KIT}; set STIGMER_CTK to its folder")
            return 1 if failed else 0
        failed += _run(KIT, "official kit", drivers)
    finally:
        stop_temporal()
    return 1 if failed else 0


def _run(folder, title, drivers):
    """Run a kit's scenarios on every driver, print the score, and return how many failed."""
    passed, total = Counter(), Counter()
    for feature, name, steps in scenarios_of(folder):
        total[feature] += 1
        failures = [f"{driver}: {problem}" for driver in drivers if (problem := _problem(steps, driver))]
        passed[feature] += not failures
        for failure in failures:
            print(f"FAILED {feature}: {name}: {failure}", file=sys.stderr)
    print(f"{title} ({', '.join(drivers)})")
    for feature in total:
        print(f"  {feature:<24} {passed[feature]} of {total[feature]}")
    print(f"{passed.total()} of {total.total()}")
    return total.total() - passed.total()


def _problem(steps, driver):
    try:
        asyncio.run(play(steps, driver))
    except Exception as error:  # noqa: BLE001 - whatever a scenario ends with is its score
        return f"{type(error).__name__}: {error}"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "all"))
