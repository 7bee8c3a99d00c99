"""What the store does for its price, as ratios to the plain way on the same disk in the same run.

    python benchmarks/bench_store.py [--quick]

Rounds are interleaved, and each figure is the median of five: a neighbour's load hits both sides of a ratio.
Resources carry bodies of 2,000 bytes, in the comparison of sizes 400 bytes (to build a million in reasonable time).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import apsw

from stigmer_core.store import Store
from stigmer_core.store.connection import checksum_vfs, connect

try:
    from uvloop import run as run_loop  # what the server runs on
except ImportError:
    from asyncio import run as run_loop

ROUNDS = 5
CALLERS = 64
BODY = bytes(2000)
SMALL_BODY = bytes(400)
# What a save of the store runs, for the connections that are driven by hand.
READ = "SELECT kind, org_id, slug, sequence, revision, search_digest FROM resources WHERE id = ?"
UPDATE = (
    "UPDATE resources SET data = ?, body = ?, revision = revision + 1, updated_at = ?, search_digest = ? WHERE id = ?"
)
COUNT = "UPDATE counters SET commits = commits + 1, revision = revision + 1 WHERE id = 1"


def key(number):
    """Return the id of resource `number`."""
    return f"agt-{number:08}"


def fill(store, count):
    """Insert resources in the way everybody does."""
    store.run_blocking(
        lambda tx: [
            tx.insert(kind="Agent", resource_id=key(n), org="local", slug=key(n), data="{}", body=BODY)
            for n in range(count)
        ],
    )


def save(number):
    """Return a function that replaces a resource's body."""
    return lambda tx: tx.update(key(number), data="{}", body=BODY)


async def group_commit(store, callers, seconds):
    """Return saves per second of so many callers that await each of their saves."""
    saved, start = 0, time.perf_counter()

    async def caller(number):
        nonlocal saved
        function = save(number)
        while time.perf_counter() < start + seconds:
            await store.run(function)
            saved += 1

    await asyncio.gather(*(caller(number) for number in range(callers)))
    return saved / (time.perf_counter() - start)


def locked_connection(connection, callers, seconds):
    """Return saves per second of so many threads that take turns at one connection, a transaction each."""
    lock, saved, start = threading.Lock(), [0] * callers, time.perf_counter()

    def caller(number):
        while time.perf_counter() < start + seconds:
            with lock:
                connection.execute("BEGIN IMMEDIATE").fetchall()
                connection.execute(READ, (key(number),)).fetchall()
                now = datetime.now(UTC).isoformat(timespec="microseconds")
                connection.execute(UPDATE, ("{}", BODY, now, b"", key(number))).fetchall()
                connection.execute(COUNT).fetchall()
                connection.execute("COMMIT").fetchall()
            saved[number] += 1

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(saved) / (time.perf_counter() - start)


def blocking(store, seconds):
    """Return saves per second of one caller without an event loop."""
    function, saved, start = save(1), 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        store.run_blocking(function)
        saved += 1
    return saved / (time.perf_counter() - start)


async def reads(store, seconds, *, writers=0):
    """Return reads by id per second on the event loop, beside so many writers."""
    beside = asyncio.ensure_future(group_commit(store, writers, seconds))
    done, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        store.read(lambda reader: reader.get(key(7)))
        done += 1
        await asyncio.sleep(0)
    rate = done / (time.perf_counter() - start)
    await beside
    return rate


class CountingFile(apsw.VFSFile):
    """A file that counts what it is asked to sync."""

    syncs = 0

    def xSync(self, flags):  # noqa: N802 - SQLite's name
        """Count, and sync."""
        CountingFile.syncs += 1
        super().xSync(flags)


class CountingVFS(apsw.VFS):
    """Files that count their syncs, on the platform's own."""

    def __init__(self):
        self.below = apsw.vfs_names()[0]
        super().__init__("counting", base=self.below, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        """Return a file that counts."""
        return CountingFile(self.below, name, flags)


def count_syncs(folder, seconds):
    """Print real syncs per save of 64 callers, checkpoints included, counted below the checksum VFS.

    In a process of its own: the checksum VFS is put on what it finds when it is loaded, and each call through Python
    costs time, so nothing else is measured on it.
    """
    vfs = CountingVFS()
    store = Store.open(folder / "counted.db")
    fill(store, CALLERS)
    CountingFile.syncs, before = 0, store.stats.saves
    run_loop(group_commit(store, CALLERS, seconds))
    print(f"{'syncs per save of 64 callers':56} {CountingFile.syncs / (store.stats.saves - before):6.3f}", flush=True)
    store.close()
    vfs.unregister()


def measure_writes(folder, seconds):
    """Print what group commit gives."""
    store = Store.open(folder / "writes.db")
    fill(store, CALLERS)
    plain = connect(folder / "writes.db", vfs=checksum_vfs())
    plain.wal_autocheckpoint(1000)
    rounds = [
        {
            "group": run_loop(group_commit(store, CALLERS, seconds)),
            "lock": locked_connection(plain, CALLERS, seconds),
            "one": run_loop(group_commit(store, 1, seconds)),
            "blocking": blocking(store, seconds),
            "direct": locked_connection(plain, 1, seconds),
            "idle": run_loop(reads(store, seconds)),
            "beside": run_loop(reads(store, seconds, writers=CALLERS)),
        }
        for _ in range(ROUNDS)
    ]
    plain.close()
    store.close()
    report("64 callers, group commit : lock around one connection", rounds, "group", "lock", "saves/s")
    report("1 caller blocking : direct commit", rounds, "blocking", "direct", "saves/s")
    report("1 caller awaiting : direct commit", rounds, "one", "direct", "saves/s")
    report("reads beside 64 writers : idle", rounds, "beside", "idle", "reads/s")


def report(name, rounds, left, right, unit):
    """Print a ratio: the median of the rounds' ratios, their range, and the medians on both sides."""
    ratios = sorted(figures[left] / figures[right] for figures in rounds)
    sides = [statistics.median(figures[side] for figures in rounds) for side in (left, right)]
    print(
        f"{name:56} {statistics.median(ratios):6.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f};"
        f" {sides[0]:,.1f} : {sides[1]:,.1f} {unit})",
    )


def build(path, count):
    """Make a database of so many resources by the short way: one statement, no function for each."""
    store = Store.open(path)
    rows = (
        (key(n), "Agent", f"org-{n % 100}", key(n), n + 1, n + 1, "2026-01-01T00:00:00.000000Z", SMALL_BODY)
        for n in range(count)
    )
    with store._connection as connection:
        connection.executemany(
            "INSERT INTO resources (id, kind, org_id, slug, sequence, revision, created_at, updated_at, body, data) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, '{}')",
            rows,
        )
        connection.execute("UPDATE counters SET sequence = ?1, revision = ?1", (count,)).fetchall()
    store.close()
    return Store.open(path)


def median_microseconds(store, function, arguments):
    """Return the median time of one read."""
    times = []
    for argument in arguments:
        start = time.perf_counter()
        store.read(lambda reader, argument=argument: function(reader, argument))
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def measure_sizes(folder, small, large, samples):
    """Print what a hundred times as many resources cost a reader."""
    stores = {small: build(folder / "small.db", small), large: build(folder / "large.db", large)}
    chance, rounds = random.Random(1), []
    for _ in range(ROUNDS):
        figures = {}
        for count, store in stores.items():
            numbers = [chance.randrange(count) for _ in range(samples)]
            figures["get", count] = median_microseconds(store, lambda reader, n: reader.get(key(n)), numbers)
            figures["first", count] = median_microseconds(store, lambda reader, _: reader.page("Agent"), numbers)
            figures["any", count] = median_microseconds(
                store,
                lambda reader, n: reader.page("Agent", before=n + 1),
                numbers,
            )
        rounds.append(figures)
    for store in stores.values():
        store.close()
    sizes = f"{large:,} : {small:,} resources"
    report(f"get p50, {sizes}", rounds, ("get", large), ("get", small), "us")
    report(f"first page of 50 p50, {sizes}", rounds, ("first", large), ("first", small), "us")
    report(f"any page of 50 p50, {sizes}", rounds, ("any", large), ("any", small), "us")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time and size")
    parser.add_argument("--syncs", action="store_true", help="only count syncs")
    arguments = parser.parse_args()
    seconds, small, large, samples = (0.2, 1_000, 100_000, 500) if arguments.quick else (1.0, 10_000, 1_000_000, 3000)
    with tempfile.TemporaryDirectory() as name:
        if arguments.syncs:
            count_syncs(Path(name), seconds)
            return
        measure_writes(Path(name), seconds)
        subprocess.run([sys.executable, __file__, "--syncs", *sys.argv[1:]], check=True)
        measure_sizes(Path(name), small, large, samples)


if __name__ == "__main__":
    main()
