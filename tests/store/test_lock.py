"""Who owns a database: one process, until it ends, whatever its children do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from stigmer_core.errors import DatabaseInUseError, StoreError
from stigmer_core.store import OwnerLock

HOLD = """
import sys, time
from pathlib import Path
from stigmer_core.store import OwnerLock
OwnerLock(Path(sys.argv[1])).acquire(["unix:/home/api.sock", "127.0.0.1:7234"])
print("held", flush=True)
time.sleep(60)
"""

HOLD_AND_FORK = """
import os, sys, time
from pathlib import Path
from stigmer_core.store import OwnerLock
lock = OwnerLock(Path(sys.argv[1]))
lock.acquire()
if not os.fork():
    print(os.getpid(), flush=True)
    sys.stdout.close()
    os.close(1)
time.sleep(60)
"""


@pytest.fixture
def owner(tmp_path):
    """Return another process that holds the lock of this directory."""
    program = [sys.executable, "-c", HOLD, str(tmp_path / "server.lock")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_owner_is_refused_with_the_first_ones_address(tmp_path, owner):
    """Two writers of one database would each believe their own memory."""
    with pytest.raises(DatabaseInUseError) as caught:
        OwnerLock(tmp_path / "server.lock").acquire()

    assert caught.value.message == (
        f"{tmp_path} is in use by process {owner.pid} at unix:/home/api.sock, 127.0.0.1:7234: stop it, or talk to it"
    )


def test_the_lock_of_a_killed_owner_is_free(tmp_path, owner):
    """The kernel frees it: there is no stale lock to remove by hand."""
    owner.send_signal(signal.SIGKILL)
    owner.wait()

    with OwnerLock(tmp_path / "server.lock"):
        pass


def test_a_refused_owner_leaves_the_file_as_it_is(tmp_path, owner):
    """The next one still learns who holds it."""
    lock = tmp_path / "server.lock"
    for _ in range(2):
        with pytest.raises(DatabaseInUseError, match=f"process {owner.pid}"):
            OwnerLock(lock).acquire()


def test_a_released_lock_can_be_taken_again(tmp_path):
    """In one process too: a flock belongs to the open file."""
    lock = OwnerLock(tmp_path / "server.lock")
    for _ in range(2):
        with lock, pytest.raises(DatabaseInUseError):
            OwnerLock(tmp_path / "server.lock").acquire()

    lock.release()


def test_addresses_can_be_announced_later(tmp_path):
    """The port is known only once the server listens."""
    with OwnerLock(tmp_path / "server.lock") as lock:
        lock.announce(["127.0.0.1:50051"])

        with pytest.raises(DatabaseInUseError, match=r"at 127\.0\.0\.1:50051"):
            OwnerLock(tmp_path / "server.lock").acquire()


def test_announcing_without_the_lock_is_refused(tmp_path):
    """It would overwrite the owner's own words."""
    with pytest.raises(StoreError, match="is not locked by this process"):
        OwnerLock(tmp_path / "server.lock").announce([])


def test_children_do_not_inherit_the_lock(tmp_path):
    """A worker that outlives its server must not keep the next one from starting."""
    with OwnerLock(tmp_path / "server.lock"):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)

    with OwnerLock(tmp_path / "server.lock"):
        child.kill()
        child.wait()


def test_a_forked_child_does_not_hold_the_lock(tmp_path):
    """A fork shares the parent's open files, and with them its locks: the child of a killed owner must not keep it."""
    program = [sys.executable, "-c", HOLD_AND_FORK, str(tmp_path / "server.lock")]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as owner:
        child = int(owner.stdout.readline())
        owner.kill()

    with OwnerLock(tmp_path / "server.lock"):
        os.kill(child, signal.SIGKILL)


def test_a_missing_directory_is_one_sentence(tmp_path):
    """No traceback for a home that is not there."""
    with pytest.raises(StoreError, match="cannot be opened: No such file or directory"):
        OwnerLock(tmp_path / "nowhere" / "server.lock").acquire()
