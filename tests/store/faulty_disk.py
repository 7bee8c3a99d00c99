"""A disk that loses power or fails, as a VFS below the checksum VFS; a program, because a VFS is for a whole process.

python faulty_disk.py cuts DIRECTORY COUNT SYNCHRONOUS     simulate power cuts, print what was lost
python faulty_disk.py failures DIRECTORY ERROR             let the Nth write or sync fail, for every N
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import apsw

from stigmer_core.errors import StigmerError
from stigmer_core.store import Store, committer

SECTOR_BYTES = 512
WATCHED = ("-wal", ".db")


class Disk(apsw.VFS):
    """Hands out files that remember what is not yet synced."""

    def __init__(self):
        self.files = {}
        self.before_write = lambda: None
        self.below = apsw.vfs_names()[0]
        super().__init__("faulty", base=self.below, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        """Return a file that remembers."""
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    """A file whose writes since the last sync may be lost, each by itself, or torn at a sector."""

    def __init__(self, disk, name, flags):
        super().__init__(disk.below, name, flags)
        self.disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.watched = bool(path) and path.endswith(WATCHED)
        if self.watched:
            content = Path(path).read_bytes()
            disk.files[Path(path).name] = self
            self.durable, self.pending = bytearray(content), []

    def xWrite(self, data, offset):  # noqa: N802 - SQLite's name
        """Write, and remember until the next sync."""
        if self.watched:
            self.disk.before_write()
            self.pending.append((offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize):  # noqa: N802 - SQLite's name
        """Truncate, and remember until the next sync."""
        if self.watched:
            self.disk.before_write()
            self.pending.append((newsize, None))
        super().xTruncate(newsize)

    def xSync(self, flags):  # noqa: N802, ARG002 - SQLite's name; the real sync is left out
        """Make durable what was written."""
        if self.watched:
            self.disk.before_write()
            for write in self.pending:
                apply(self.durable, *write)
            self.pending.clear()

    def after_cut(self, chance):
        """Return what a power cut now would leave: half of the unsynced writes, 30 % of those torn."""
        content = bytearray(self.durable)
        for offset, data in self.pending:
            if chance.random() < 0.5:
                torn = data is not None and chance.random() < 0.3
                kept = data[: chance.randrange(0, len(data), SECTOR_BYTES)] if torn else data
                apply(content, offset, kept)
        return content


def apply(content, offset, data):
    """Write, or truncate where there is no data."""
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


class Cuts:
    """Cuts the power at random writes while a store works, and looks at what is left."""

    def __init__(self, directory, synchronous):
        self.directory = directory
        self.synchronous = synchronous
        self.chance = random.Random(20260301)
        self.disk = Disk()
        self.images, self.answered = [], {}

    def run(self, count):
        """Return how many cuts there were, answers, lost answers, and databases that were not right."""
        totals = {"cuts": 0, "answers": 0, "lost": 0, "damaged": 0}
        for number in range((count + 14) // 15):
            self.collect(self.directory / f"run-{number}")
            for image, answered in self.images:
                self.inspect(image, answered, totals)
        return totals

    def collect(self, home):
        """Write for a while, and keep 15 images of the disk at random moments, with what was answered by then."""
        home.mkdir()
        self.images, self.answered = [], {}
        self.moments = sorted(self.chance.sample(range(20, 2000), 15))
        self.writes = 0
        store = Store.open(home / "x.db")
        store._connection.pragma("synchronous", self.synchronous)
        self.disk.before_write = lambda: self.maybe_cut(home)
        while len(self.images) < 15:
            self.step(store, len(self.answered))
        self.disk.before_write = lambda: None
        store.close()

    def step(self, store, number):
        """Write one resource, and note the answer."""
        body = self.chance.randbytes(self.chance.randrange(10, 20_000))
        store.run_blocking(
            lambda tx: tx.insert(kind="K", resource_id=str(number), org="", slug=str(number), data="{}", body=body),
        )
        self.answered[str(number)] = body

    def maybe_cut(self, home):
        """Keep an image of the disk when its moment has come."""
        self.writes += 1
        if self.moments and self.writes >= self.moments[0]:
            self.moments.pop(0)
            image = {name: self.disk.files[name].after_cut(self.chance) for name in ("x.db", "x.db-wal")}
            epoch = home / "x.db-epoch"
            image["x.db-epoch"] = epoch.read_bytes() if epoch.exists() else b""
            self.images.append((image, dict(self.answered)))

    def inspect(self, image, answered, totals):
        """Start from an image: every answer must be there, nothing between, and the next write must work."""
        home = self.directory / f"cut-{totals['cuts']}"
        home.mkdir()
        for name, content in image.items():
            (home / name).write_bytes(content)
        totals["cuts"] += 1
        totals["answers"] += len(answered)
        try:
            store = Store.open(home / "x.db", create=False)
            store.verify()
            found = {row.id: row.body for row in store.read(lambda reader: reader.page("K", limit=10**6))}
            totals["lost"] += sum(found.get(key) != body for key, body in answered.items())
            totals["damaged"] += list(found) != [str(number) for number in reversed(range(len(found)))]
            self.step(store, len(found))
            store.close()
        except StigmerError as error:
            sys.stderr.write(f"{error}\n")
            totals["damaged"] += 1
        for file in home.iterdir():
            file.unlink()


def fail_every_write(directory, error):
    """Let the Nth write fail, for every N of a small run; count the functions that were not all or nothing."""
    disk = Disk()
    totals = {"failed": 0, "answered": 0, "halves": 0, "stuck": 0}
    position = 0
    while position >= 0:
        position = fail_at(disk, directory / f"at-{position}", position, error, totals)
    return totals


def fail_at(disk, home, position, error, totals):
    """Let one write fail; return the next position, or -1 after the last one."""
    home.mkdir()
    store = Store.open(home / "x.db")
    left = position

    def before_write():
        nonlocal left
        left -= 1
        if left == -1:
            raise error("this write fails")

    disk.before_write = before_write
    answered = [number for number in range(12) if attempt(store, number, totals)]
    disk.before_write = lambda: None
    rows = [row.id for row in store.read(lambda reader: reader.page("K", limit=100))]
    expected = [f"{number}-{half}" for number in reversed(answered) for half in "ba"]
    totals["halves"] += rows != expected
    totals["stuck"] += not attempt(store, 99, totals)
    store.close()
    return position + 1 if left < 0 else -1


def attempt(store, number, totals):
    """Write two resources in one function; return whether that was answered with success."""

    def function(tx):
        for half in "ab":
            key = f"{number}-{half}"
            tx.insert(kind="K", resource_id=key, org="", slug=key, data="{}", body=bytes(9000))

    try:
        store.run_blocking(function)
    except StigmerError:
        totals["failed"] += 1
        return False
    totals["answered"] += 1
    return True


def main():
    """Run what the command line asks for, and print the totals as JSON."""
    committer.CHECKPOINT_PAGES = 60  # so that a short run has several checkpoints
    command, directory, *rest = sys.argv[1:]
    if command == "cuts":
        totals = Cuts(Path(directory), rest[1]).run(int(rest[0]))
    else:
        totals = fail_every_write(Path(directory), getattr(apsw, rest[0]))
    sys.stdout.write(json.dumps(totals))


if __name__ == "__main__":
    main()
