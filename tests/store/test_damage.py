"""One flipped bit is seen: at the start, or when its page is read, never as data."""

from __future__ import annotations

import os
import random

import pytest

from stigmer_core.errors import DatabaseDamagedError, StoreError
from stigmer_core.store import SearchText, Store

SAMPLE = 150


def build(path, insert, resources):
    """Make a closed database, and return its bytes."""
    store = Store.open(path)
    if not store.checksummed:
        pytest.skip("this platform's apsw has no cksumvfs")
    text = SearchText(name="a name", body="some words")
    store.run_blocking(
        lambda tx: [insert(tx, number, body=os.urandom(600), search=text) for number in range(resources)],
    )
    store.close()
    path.with_name(path.name + "-epoch").unlink()
    return path.read_bytes()


def flipped(data, bit):
    """Return the bytes with one bit changed."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("resources", [50, 4000], ids=["looked-through-at-the-start", "too-large-for-that"])
def test_every_flipped_bit_is_found(path, insert, resources):
    """A sample of all bits of the file: the start refuses it, or a look at every page does."""
    data = build(path, insert, resources)
    unseen = []

    for bit in random.Random(7).sample(range(len(data) * 8), SAMPLE):
        path.write_bytes(flipped(data, bit))
        try:
            store = Store.open(path)
        except DatabaseDamagedError:
            continue
        try:
            store.verify()
            unseen.append(bit)
        except DatabaseDamagedError:
            store.close()

    assert unseen == []


def test_every_bit_of_the_header_is_covered(path, insert):
    """The first 100 bytes decide how all others are read, even whether checksums are looked at."""
    data = build(path, insert, 20)
    unseen = []

    for bit in range(800):
        path.write_bytes(flipped(data, bit))
        try:
            Store.open(path).close()
        except StoreError:
            continue
        unseen.append(bit)

    assert unseen == []


def test_a_damaged_row_is_refused_with_its_table_and_file(path, insert):
    """What cannot be trusted is never served."""
    marker = b"a body to be found in the file" * 20
    data = build(path, lambda tx, number, **fields: insert(tx, number, **fields | {"body": marker}), 4000)
    path.write_bytes(flipped(data, (data.rindex(marker) + 5) * 8))
    store = Store.open(path)

    with pytest.raises(DatabaseDamagedError) as caught:
        store.read(lambda reader: reader.page("Agent", limit=4000))

    assert f"{path} is damaged (table resources)" in caught.value.message
    store.close()
