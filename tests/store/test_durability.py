"""What was answered is there: after a power cut, a failing disk, a kill, a full disk."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stigmer_core.errors import ResourceExhaustedError, StoreError
from stigmer_core.store import Store

FAULTY_DISK = Path(__file__).with_name("faulty_disk.py")


def on_a_faulty_disk(*arguments):
    """Return the totals that the program prints."""
    run = subprocess.run([sys.executable, FAULTY_DISK, *arguments], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def test_a_power_cut_loses_nothing_that_was_answered(tmp_path):
    """Three hundred cuts at random writes; half of what was not synced is dropped, a third of the rest is torn."""
    totals = on_a_faulty_disk("cuts", tmp_path, "300", "FULL")

    assert totals["cuts"] == 300
    assert totals["answers"] > 3_000  # enough for a loss to show; how many there are depends on the machine
    assert (totals["lost"], totals["damaged"]) == (0, 0)


def test_the_simulated_power_cut_has_teeth(tmp_path):
    """The same cuts lose answers where SQLite is told to sync less: the test above could fail."""
    totals = on_a_faulty_disk("cuts", tmp_path, "60", "NORMAL")

    assert totals["lost"] + totals["damaged"] > 20


@pytest.mark.parametrize("error", ["FullError", "IOError", "BusyError"])
def test_a_failing_write_is_all_or_nothing(tmp_path, error):
    """The Nth write or sync fails, for every N: no function is half done, and the next one works."""
    totals = on_a_faulty_disk("failures", tmp_path, error)

    assert totals["failed"] > 100
    assert (totals["halves"], totals["stuck"]) == (0, 0)


WRITE = """
import asyncio, sys
from pathlib import Path
from stigmer_core.store import Store

async def caller(store, caller):
    for number in range(10**6):
        key = f"{caller}-{number}"
        await store.run(
            lambda tx: tx.insert(kind="K", resource_id=key, org="", slug=key, data="{}", body=bytes(2000))
        )
        print(key, flush=True)

async def main():
    store = Store.open(Path(sys.argv[1]))
    await asyncio.gather(*(caller(store, number) for number in range(8)))

asyncio.run(main())
"""


def test_a_killed_process_loses_nothing_that_was_answered(path):
    """Five times on one database, with eight callers at once; each start recovers by itself."""
    answered = 0
    for round_ in range(5):
        program = WRITE.replace('f"{caller}', f'f"{round_}-{{caller}}')
        with subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE, text=True) as process:
            keys = [process.stdout.readline() for _ in range(50 * (round_ + 1))]
            process.send_signal(signal.SIGKILL)
            keys += process.stdout.readlines()
        store = Store.open(path)
        found = store.read(lambda reader: {row[0] for row in reader.execute("SELECT id FROM resources")})
        whole = [key.strip() for key in keys if key.endswith("\n")]
        store.verify()
        store.close()
        answered += len(whole)
        assert set(whole) <= found

    assert answered >= 750


def test_a_function_that_meets_the_limit_fails_and_the_next_one_works(store, insert):
    """SQLite undoes the whole transaction by itself: the function's earlier writes are gone too."""
    pages = store._connection.pragma("page_count")
    store._connection.pragma("max_page_count", pages + 5)

    def function(tx):
        insert(tx, 1)
        insert(tx, 2, body=bytes(100_000))

    with pytest.raises(ResourceExhaustedError, match=r"no space left for .* free some space and retry"):
        store.run_blocking(function)

    store._connection.pragma("max_page_count", pages + 1000)
    assert store.run_blocking(lambda tx: insert(tx, 1)).sequence == 1
    assert store.read(lambda reader: reader.kinds()) == {"Agent": 1}


def test_a_function_cannot_go_on_after_the_disk_was_full(store, insert):
    """Whatever it catches: its later writes would be committed one by one."""
    store._connection.pragma("max_page_count", store._connection.pragma("page_count") + 5)

    def stubborn(tx):
        for number in range(3):
            try:
                insert(tx, number, body=bytes(100_000 if number == 0 else 10))
            except ResourceExhaustedError:
                continue

    with pytest.raises(ResourceExhaustedError):
        store.run_blocking(stubborn)

    assert store.read(lambda reader: reader.kinds()) == {}


@pytest.fixture
def small_disk(tmp_path):
    """Return a directory on a file system of 3 MB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "small"
    folder.mkdir()
    arguments = [mount, "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]
    if not mount or os.geteuid() or subprocess.run(arguments, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount the small file system that this needs")
    yield folder
    subprocess.run([umount, folder], check=True)


async def test_a_full_disk_refuses_writes_serves_reads_and_recovers(small_disk, insert):
    """What was answered is readable, what was refused is not there, and nothing has to be reopened."""
    store = Store.open(small_disk / "stigmer.db")
    answers = []
    while not any(isinstance(answer, Exception) for answer in answers):
        batch = range(len(answers), len(answers) + 8)
        jobs = [store.run(lambda tx, n=number: insert(tx, n, body=os.urandom(8000))) for number in batch]
        answers += await asyncio.gather(*jobs, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    answered = {answer.id for answer in answers if not isinstance(answer, Exception)}
    assert all(isinstance(error, ResourceExhaustedError) for error in refused)
    assert {row.id for row in store.read(lambda reader: reader.page("Agent", limit=10**6))} == answered

    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,size=30m", small_disk], check=True)

    assert await store.run(lambda tx: insert(tx, 10**6, body=os.urandom(8000)))
    store.verify()
    store.close()


def test_a_read_only_file_system_is_refused(small_disk):
    """At the start, in one sentence, and not at the first write."""
    Store.open(small_disk / "stigmer.db").close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    with pytest.raises(StoreError, match=r"stigmer\.db cannot be opened for writing: .*make it and its directory"):
        Store.open(small_disk / "stigmer.db")


def test_a_database_that_cannot_be_created_is_one_sentence(small_disk):
    """Nothing can be made on a read-only file system."""
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)

    with pytest.raises(StoreError, match=r"stigmer\.db cannot be"):
        Store.open(small_disk / "stigmer.db")
