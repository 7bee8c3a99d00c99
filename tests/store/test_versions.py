"""Versions: immutable, numbered in their resource, with tags that one of them holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stigmer_core.errors import NotFoundError
from stigmer_core.store import Version

MOMENT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)


def version(number, tag=""):
    """Return a version of agent 1."""
    return Version(
        resource_id="agt-1",
        hash=f"hash-{number}",
        tag=tag,
        message=f"message {number}",
        body=f"version-{number}".encode(),
        created_at=MOMENT,
        created_by="local",
    )


@pytest.fixture
def published(filled):
    """Return a store whose agent 1 has the versions 1 to 5; 3 holds `stable`."""
    for number in range(1, 6):
        tag = "stable" if number == 3 else ""
        filled.run_blocking(lambda tx, number=number, tag=tag: tx.put_version("agt-1", version(number, tag)))
    return filled


def test_a_version_is_read_back(published):
    """By its hash, by its tag, or the newest; with the moment it was given."""
    by_hash, by_tag, newest = published.read(
        lambda reader: (
            reader.version("agt-1", hash="hash-3"),
            reader.version("agt-1", tag="stable"),
            reader.version("agt-1"),
        ),
    )

    assert by_hash == by_tag
    assert (by_hash.message, by_hash.body, by_hash.created_at) == ("message 3", b"version-3", MOMENT)
    assert newest.hash == "hash-5"


def test_versions_are_listed_newest_first(published):
    """The keyset is the version's number in its resource."""
    first = published.read(lambda reader: reader.versions("agt-1", limit=2))
    second = published.read(lambda reader: reader.versions("agt-1", before=first[-1].sequence, limit=9))

    assert [found.sequence for found in first + second] == [5, 4, 3, 2, 1]


def test_a_hash_is_put_once(published):
    """Publishing the same content again changes nothing."""
    again = published.run_blocking(lambda tx: tx.put_version("agt-1", version(2, tag="latest")))

    assert not again
    assert published.read(lambda reader: reader.version("agt-1", tag="latest")) is None


def test_a_tag_has_one_holder(published):
    """It is taken from the version that had it."""
    published.run_blocking(lambda tx: tx.tag_version("agt-1", "hash-5", "stable"))

    tags = {found.hash: found.tag for found in published.read(lambda reader: reader.versions("agt-1"))}
    assert tags == {"hash-1": "", "hash-2": "", "hash-3": "", "hash-4": "", "hash-5": "stable"}


def test_a_tag_of_a_new_version_is_taken_too(published):
    """`put_version` with a tag is `tag_version` in one step."""
    published.run_blocking(lambda tx: tx.put_version("agt-1", version(6, tag="stable")))

    assert published.read(lambda reader: reader.version("agt-1", tag="stable")).hash == "hash-6"


def test_a_tag_for_a_missing_version_stays_where_it_is(published):
    """The function fails as a whole."""
    with pytest.raises(NotFoundError):
        published.run_blocking(lambda tx: tx.tag_version("agt-1", "hash-9", "stable"))

    assert published.read(lambda reader: reader.version("agt-1", tag="stable")).hash == "hash-3"


def test_no_tag_finds_nothing(published):
    """Most versions have none: the empty tag is not a name."""
    assert published.read(lambda reader: reader.version("agt-1", tag="")) is None


def test_a_version_needs_its_resource(filled):
    """Nothing is published under a resource that is not there."""
    with pytest.raises(NotFoundError):
        filled.run_blocking(lambda tx: tx.put_version("agt-99", version(1)))


def test_versions_go_with_their_resource(published):
    """And a resource of the same id starts anew."""
    published.run_blocking(lambda tx: tx.delete("agt-1"))

    assert published.read(lambda reader: reader.versions("agt-1")) == []
