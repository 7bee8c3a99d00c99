"""What the store takes and returns: plain values, no database in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime


class Row(NamedTuple):
    """A resource as stored, with its protobuf bytes.

    `sequence` is the order of creation, `revision` the global order of writes. A tuple and not a dataclass: a page of
    50 costs 12 us instead of 90.
    """

    id: str
    kind: str
    org: str
    slug: str
    body: bytes
    revision: int
    sequence: int


class Document(NamedTuple):
    """A resource as stored, with its JSON text."""

    id: str
    kind: str
    org: str
    slug: str
    data: str
    revision: int
    sequence: int


@dataclass(frozen=True, slots=True)
class SearchText:
    """What full-text search sees of a resource."""

    name: str
    description: str = ""
    tags: Sequence[str] = ()
    body: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """Something published under a resource; `sequence` is given by the store, from 1 in each resource."""

    resource_id: str
    hash: str
    tag: str
    message: str
    body: bytes
    created_at: datetime
    created_by: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a stream; `sequence` counts from 1 in each stream."""

    stream: str
    sequence: int
    type: str
    body: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Hit:
    """A resource that search found; `score` is in (0, 1], higher is better."""

    id: str
    kind: str
    score: float


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page of hits, best first; `counts` (by kind) and `total` are of all pages, as far as they have been read."""

    hits: Sequence[Hit]
    counts: Mapping[str, int]
    total: int
