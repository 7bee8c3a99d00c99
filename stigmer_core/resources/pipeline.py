"""The generic resource pipeline: every write of every kind goes through `Resources`, whole or not at all.

Methods with a `tx` run inside the caller's transaction, so a kind's step can write other resources along with its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from stigmer_core.kind import Change
from stigmer_core.resources import audit
from stigmer_core.resources.codec import copy_of, to_bytes, to_json
from stigmer_core.resources.draft import guard_labels, prepare, require_unmanaged
from stigmer_core.resources.identity import IdSource
from stigmer_core.resources.indexing import index_values
from stigmer_core.resources.references import require_no_wider, require_references
from stigmer_core.resources.sealing import keep_secrets, take_secrets, unmark, with_secrets
from stigmer_core.resources.searchable import search_text
from stigmer_core.resources.visibility import require_level

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from google.protobuf.message import Message

    from stigmer_core.kind import Kind
    from stigmer_core.program import Runner
    from stigmer_core.store import Reader, Row, Store, Transaction
    from stigmer_core.vault import Vault

_CASCADE_PAGE = 200


class Resources:
    """Reads and writes resources of every kind.

    Args:
        kinds: the kinds by name; a live view.
        vault: keeps the secrets of resources.
        actor: returns the name that audits record for the current call.
        validate: raises InvalidArgumentError when a message breaks the rules of its proto.
    """

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, Kind],
        runners: Mapping[str, Runner],
        *,
        vault: Vault,
        actor: Callable[[], str],
        validate: Callable[[Message], None],
    ) -> None:
        self.store = store
        self.kinds = kinds
        self.runners = runners
        self.vault = vault
        self.validate = validate
        self._actor = actor
        self._ids = IdSource()

    def kind(self, name: str) -> Kind:
        """Return a kind by its name.

        Raises:
            NotFoundError: no loaded plugin has it.
        """
        found = self.kinds.get(name)
        if found is None:
            raise NotFoundError("kind", name, f"no installed plugin provides the kind {name}")
        return found

    def prepare(self, kind: Kind, message: Message, *, creating: bool) -> Any:
        """Return a checked copy of a client's resource for `create_in`, `update_in` or `apply_in`."""
        return prepare(kind, message, self.runners, creating=creating)

    def new_id(self, kind: Kind) -> str:
        """Return a fresh id."""
        return self._ids.mint(kind.id_prefix)

    # Reading, in a transaction or a read.

    def get_in(self, reader: Reader, kind: Kind, resource_id: str) -> Any:
        """Return a resource by id.

        Raises:
            NotFoundError: there is none of this kind.
        """
        return self._parsed(kind, self.row_in(reader, kind, resource_id))

    def row_in(self, reader: Reader, kind: Kind, resource_id: str) -> Row:
        """Return the stored row of a resource by id.

        Raises:
            NotFoundError: there is none of this kind.
        """
        row = reader.get(resource_id)
        if row is None or row.kind != kind.name:
            raise NotFoundError(kind.label(), resource_id)
        return row

    def find_in(self, reader: Reader, kind: Kind, org: str, slug: str) -> Any:
        """Return a resource by organisation and slug, or None."""
        row = reader.find(kind.name, org if kind.org_scoped else "", slug)
        return None if row is None else self._parsed(kind, row)

    def revealed_in(self, reader: Reader, kind: Kind, resource: Any) -> Any:
        """Return a copy of a stored resource with its secrets: for whoever runs with them, never for an answer."""
        return with_secrets(reader, self.vault, kind, resource)

    # Writing, in a transaction.

    def create_in(self, tx: Transaction, kind: Kind, draft: Any) -> Any:
        """Store a prepared resource under a new id and return it.

        Raises:
            AlreadyExistsError: the slug is taken.
            FailedPreconditionError: something it refers to is missing.
            InvalidArgumentError: the kind has no such visibility, or a label is reserved.
        """
        new = copy_of(draft)
        metadata = new.metadata
        metadata.visibility = require_level(kind, metadata.visibility)
        self._require_free(tx, kind, metadata)
        guard_labels(new, None)
        metadata.id = metadata.slug if kind.id_is_slug else self.new_id(kind)
        audit.stamp_created(new, self._actor(), tx.now)
        return self._write(tx, kind, None, new)

    def update_in(self, tx: Transaction, kind: Kind, draft: Any, *, manager: str = "") -> Any:
        """Replace the spec of the stored resource that a prepared one names, and return the result.

        Id, slug, organisation, visibility and status stay as they are stored. `manager` names the bundle that asks.

        Raises:
            NotFoundError: there is no such resource.
            FailedPreconditionError: it came with a bundle, which changes it.
        """
        old = self._existing(tx, kind, draft.metadata)
        require_unmanaged(kind, old, manager)
        new = self._updated(old, draft)
        guard_labels(new, old)
        audit.stamp_updated(new, "spec_audit", self._actor(), tx.now)
        audit.reset_status_slot(new, self._actor(), tx.now)
        return self._write(tx, kind, old, new)

    def apply_in(self, tx: Transaction, kind: Kind, draft: Any, *, manager: str = "") -> Any:
        """Create the resource, or update the one that has its slug."""
        existing = self.find_in(tx, kind, draft.metadata.org, draft.metadata.slug)
        if existing is None:
            return self.create_in(tx, kind, draft)
        addressed = copy_of(draft)
        addressed.metadata.id = existing.metadata.id
        return self.update_in(tx, kind, addressed, manager=manager)

    def would_change(self, tx: Transaction, kind: Kind, draft: Any) -> bool:
        """Return whether `apply_in` would change a stored resource: its definition, after the kind's own step.

        Raises:
            StigmerError: what the kind's step says of the update.
        """
        old = self.find_in(tx, kind, draft.metadata.org, draft.metadata.slug)
        if old is None:
            return True
        new = self._updated(old, draft)
        if kind.before_write is not None:
            kind.before_write(Change(kind, tx, self, old, new, self._actor(), tx.now))
        for one in (new, old):
            one.metadata.ClearField("version")
        if kind.secrets:
            old = self.revealed_in(tx, kind, old)
            unmark(kind, new, old)
        return bool(new.spec != old.spec or new.metadata != old.metadata)

    def save_in(self, tx: Transaction, kind: Kind, resource: Any, *, slot: audit.Slot | None = "status_audit") -> Any:
        """Store a changed resource as it is, without the steps of an update; stamps one audit slot."""
        if slot is not None:
            audit.stamp_updated(resource, slot, self._actor(), tx.now)
        self._store(tx, kind, resource, new=False)
        return resource

    def set_visibility_in(self, tx: Transaction, kind: Kind, resource_id: str, level: int, *, manager: str = "") -> Any:
        """Change who sees a resource: the only way to.

        Raises:
            NotFoundError: there is no such resource; this beats a bad level.
            InvalidArgumentError: the kind has no such level.
            FailedPreconditionError: it refers to something fewer people see, or came with a bundle.
        """
        resource = self.get_in(tx, kind, resource_id)
        require_unmanaged(kind, resource, manager)
        level = require_level(kind, level)
        require_no_wider(tx, self.kinds, resource, level)
        resource.metadata.visibility = level
        return self.save_in(tx, kind, resource)

    def delete_in(self, tx: Transaction, kind: Kind, resource_id: str, *, cascading: bool = False) -> Any:
        """Delete a resource and what it owns; return its last stored state.

        `cascading` tells the kind's step that the owner of the resource goes too.

        Raises:
            NotFoundError: there is no such resource.
            FailedPreconditionError: the kind's own step refuses, or it came with a bundle.
        """
        resource = self.get_in(tx, kind, resource_id)
        if not cascading:
            require_unmanaged(kind, resource, "")
        if kind.before_delete is not None:
            kind.before_delete(Change(kind, tx, self, resource, None, self._actor(), tx.now, cascading=cascading))
        for owned in list(self.kinds.values()):
            for owner in owned.owners:
                if owner.kind == kind.name:
                    self._delete_owned(tx, owned, owner.path, resource_id)
        tx.delete(resource_id)
        return resource

    # The parts.

    def _delete_owned(self, tx: Transaction, owned: Kind, path: str, owner_id: str) -> None:
        while rows := tx.page(owned.name, index=(path, owner_id), limit=_CASCADE_PAGE):
            for row in rows:
                if tx.get(row.id) is not None:
                    self.delete_in(tx, owned, row.id, cascading=True)

    def _existing(self, tx: Transaction, kind: Kind, metadata: Any) -> Any:
        if metadata.id:
            return self.get_in(tx, kind, metadata.id)
        found = self.find_in(tx, kind, metadata.org, metadata.slug)
        if found is None:
            raise NotFoundError(kind.label(), metadata.slug)
        return found

    def _updated(self, old: Any, draft: Any) -> Any:
        new = copy_of(old)
        new.spec.CopyFrom(draft.spec)
        given, kept = draft.metadata, new.metadata
        kept.name = given.name or kept.name
        for name in ("labels", "annotations", "tags"):
            kept.ClearField(name)
        for mapping in ("labels", "annotations"):
            getattr(kept, mapping).update(getattr(given, mapping))
        kept.labels.update({k: v for k, v in old.metadata.labels.items() if k.startswith("stigmer.ai/")})
        kept.tags.extend(given.tags)
        kept.version.message = given.version.message
        kept.version.tag = given.version.tag
        if not kept.HasField("version") or not kept.version.ListFields():
            kept.ClearField("version")
        return new

    def _require_free(self, tx: Transaction, kind: Kind, metadata: Any) -> None:
        org = metadata.org if kind.org_scoped else ""
        taken = tx.find(kind.name, org, metadata.slug) if kind.unique_slug else None
        if taken is not None:
            where = f" in org '{metadata.org}'" if kind.org_scoped else ""
            raise AlreadyExistsError(
                f"{kind.label()} already exists: slug '{metadata.slug}'{where} (id: {taken.id})", resource_id=taken.id
            )

    def _write(self, tx: Transaction, kind: Kind, old: Any, new: Any) -> Any:
        require_references(tx, self.kinds, new)
        change = Change(kind, tx, self, old, new, self._actor(), tx.now)
        if kind.before_write is not None:
            kind.before_write(change)
        self._store(tx, kind, new, new=old is None)
        if kind.after_write is not None:
            kind.after_write(change)
        return new

    def _store(self, tx: Transaction, kind: Kind, resource: Any, *, new: bool) -> None:
        metadata = resource.metadata
        sealed = take_secrets(tx, self.vault, kind, resource)
        written: dict[str, Any] = {
            "data": to_json(resource),
            "body": to_bytes(resource),
            "search": search_text(kind, resource),
            "indexes": index_values(kind, resource),
            "labels": dict(metadata.labels),
            "tags": list(metadata.tags),
        }
        if new:
            org = metadata.org if kind.org_scoped else ""
            place = {"kind": kind.name, "resource_id": metadata.id, "org": org, "slug": metadata.slug}
            tx.insert(**place, unique_slug=kind.unique_slug, **written)
        else:
            tx.update(metadata.id, **written)
        if sealed is not None:
            keep_secrets(tx, self.vault, kind, resource, sealed)

    @staticmethod
    def _parsed(kind: Kind, row: Row) -> Any:
        return kind.message.FromString(row.body)


def require_kind_of(kind: Kind, document_kind: str) -> None:
    """Check that a document is of a kind.

    Raises:
        InvalidArgumentError: it names another one.
    """
    if document_kind != kind.name:
        raise InvalidArgumentError(f"kind mismatch: expected {kind.name}, got {document_kind}")
