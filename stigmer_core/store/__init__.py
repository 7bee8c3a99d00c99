"""Documents, versions, events and search in one SQLite file: the only package that knows apsw."""

from __future__ import annotations

from stigmer_core.store.changes import ResourceChange, Watcher
from stigmer_core.store.feed import Subscription
from stigmer_core.store.lock import OwnerLock
from stigmer_core.store.reader import Reader
from stigmer_core.store.rows import Document, Hit, Row, SearchPage, SearchText, StoredEvent, Version
from stigmer_core.store.schema import Migrations
from stigmer_core.store.store import Store
from stigmer_core.store.transaction import Transaction

__all__ = [
    "Document",
    "Hit",
    "Migrations",
    "OwnerLock",
    "Reader",
    "ResourceChange",
    "Row",
    "SearchPage",
    "SearchText",
    "Store",
    "StoredEvent",
    "Subscription",
    "Transaction",
    "Version",
    "Watcher",
]
