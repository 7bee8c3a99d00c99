"""What is refused at the start, in which words, and that it is left as it was."""

from __future__ import annotations

import os

import apsw
import pytest

from stigmer_core.errors import DatabaseDamagedError, StoreError
from stigmer_core.store import Store

WAY_OUT = "restore a backup in its place, or move it away to start with an empty one"


def header_only(data):
    """Keep the header."""
    return data[:100]


def first_page_only(data):
    """Keep one page."""
    return data[:8192]


def half(data):
    """Keep the first half."""
    return data[: len(data) // 2]


def odd_size(data):
    """Lose the last byte."""
    return data[:-1]


def garbage(data):
    """Keep nothing but the size."""
    return os.urandom(len(data))


def empty(data):
    """Keep nothing."""
    return b""


def zeros(data):
    """Keep nothing but the size."""
    return bytes(len(data))


def checksums_turned_off(data):
    """One flipped bit of byte 20 tells SQLite that pages have no checksums."""
    return data[:20] + b"\0" + data[21:]


DAMAGES = [empty, garbage, zeros, half, odd_size, header_only, first_page_only, checksums_turned_off]


@pytest.fixture
def database(path, insert):
    """Return the path of a closed database with content."""
    store = Store.open(path)
    store.run_blocking(lambda tx: [insert(tx, number, body=os.urandom(1000)) for number in range(100)])
    store.close()
    return path


def test_a_missing_database_is_created(path):
    """The first start needs no extra step."""
    store = Store.open(path)

    assert store.read(lambda reader: reader.kinds()) == {}
    store.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_database_is_refused_where_it_must_exist(path):
    """A reader must not leave an empty database behind."""
    with pytest.raises(StoreError, match=f"^{path} does not exist$"):
        Store.open(path, create=False)

    assert not path.exists()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_refused_and_untouched(database, damage):
    """Name the file and the way out; leave its bytes, its time and its directory as they were."""
    database.write_bytes(damage(database.read_bytes()))
    before = database.read_bytes(), database.stat().st_mtime_ns, sorted(database.parent.iterdir())

    with pytest.raises(DatabaseDamagedError) as caught:
        Store.open(database)

    assert str(database) in caught.value.message
    assert caught.value.message.endswith(WAY_OUT)
    assert (database.read_bytes(), database.stat().st_mtime_ns, sorted(database.parent.iterdir())) == before


def test_a_database_of_another_program_is_refused(path):
    """Our tables do not belong into somebody else's file."""
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE bookmarks (url)").fetchall()
    connection.close()

    with pytest.raises(StoreError, match="is a database, but not one of this program"):
        Store.open(path)


def test_a_missing_directory_is_refused(tmp_path):
    """Directories are the caller's business."""
    with pytest.raises(StoreError, match="is not a directory: create it, or choose another home"):
        Store.open(tmp_path / "nowhere" / "stigmer.db")


def test_a_directory_in_the_place_of_the_file_is_refused(path):
    """Say what is there."""
    path.mkdir()

    with pytest.raises(StoreError, match=f"^{path} is not a file$"):
        Store.open(path)


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    """Say what is there."""
    (tmp_path / "home").write_text("")

    with pytest.raises(StoreError, match="is not a directory"):
        Store.open(tmp_path / "home" / "stigmer.db")


def test_a_dangling_link_is_refused(path, tmp_path):
    """What the link points to may be a disk that is not mounted: nothing is created in its place."""
    path.symlink_to(tmp_path / "gone")

    with pytest.raises(StoreError, match="cannot be read"):
        Store.open(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_refused(database):
    """One sentence, not an error of the first write."""
    database.chmod(0o400)

    with pytest.raises(StoreError, match="cannot be opened for writing"):
        Store.open(database)


def test_a_crash_while_creating_leaves_nothing_in_the_way(path):
    """A database appears under its name only when it is complete."""
    path.with_name("stigmer.db.new").write_bytes(b"half of a database")

    Store.open(path).close()

    assert not path.with_name("stigmer.db.new").exists()


def test_a_lost_wal_is_seen(store, path, insert):
    """A database copied without its -wal opens like any other, but lacks what was acknowledged."""
    store.run_blocking(lambda tx: insert(tx, 1))
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.with_name("copy.db-epoch").write_bytes(path.with_name("stigmer.db-epoch").read_bytes())

    with pytest.raises(DatabaseDamagedError, match="lacks the last 1 of 1 commits: its -wal file is missing"):
        Store.open(copy)


def test_a_lost_wal_can_be_accepted(store, path, insert):
    """The way out that the refusal names: delete the file that remembers."""
    store.run_blocking(lambda tx: insert(tx, 1))
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())

    opened = Store.open(copy)

    assert opened.read(lambda reader: reader.kinds()) == {}
    opened.close()


def test_a_restored_backup_is_not_taken_for_a_lost_wal(store, path, insert):
    """A backup is older than what the file beside the database remembers, and right all the same."""
    store.backup(path.with_name("backup.db"))
    store.run_blocking(lambda tx: insert(tx, 1))
    store.close()
    path.with_name("backup.db").replace(path)

    restored = Store.open(path)

    assert restored.read(lambda reader: reader.kinds()) == {}
    restored.close()


def test_a_wal_that_a_crash_left_is_recovered(store, path, insert, tmp_path):
    """Copying the files of a running store is what a crash leaves."""
    store.run_blocking(lambda tx: insert(tx, 1))
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("stigmer.db", "stigmer.db-wal", "stigmer.db-epoch"):
        (crashed / name).write_bytes(path.with_name(name).read_bytes())

    recovered = Store.open(crashed / "stigmer.db")

    assert recovered.read(lambda reader: reader.get("agt-1")).body == b"body-1"
    recovered.close()
