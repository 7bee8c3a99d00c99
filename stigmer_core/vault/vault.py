"""Sealing and revealing values, in the transaction of the resource that they belong to."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from stigmer_core.errors import NotFoundError, StoreError
from stigmer_core.vault.key_text import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.store import Reader, Transaction
    from stigmer_core.vault.root_keys import RootKey, RootKeys

_NONCE_BYTES = 12
_NAMES_SHOWN = 20
INSTALLATION = ""  # stands for the organisation of what belongs to none


class Place(NamedTuple):
    """Where a secret belongs; sealed elsewhere it does not open."""

    org: str
    kind: str
    resource_id: str
    field: str


class Vault:
    """Keeps values apart from the resources that have them, encrypted with AES-256-GCM.

    A value opens only in its own place: organisation, kind, resource id, field and key version are authenticated with
    it. The data key of an organisation is made with its first secret.
    """

    def __init__(self, keys: RootKeys) -> None:
        self._keys = keys

    def seal(self, tx: Transaction, place: Place, value: str) -> None:
        """Keep a value; the resource must be there. It replaces the one that was kept under the same field."""
        version, key = self._data_key(tx, place.org)
        sealed = _encrypt(key, value.encode("utf-8", "surrogatepass"), _authenticated(place, version))
        tx.execute(
            "INSERT INTO secrets (resource_id, field, key_version, sealed) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (resource_id, field) DO UPDATE SET key_version = excluded.key_version,"
            " sealed = excluded.sealed",
            (place.resource_id, place.field, version, sealed),
        )

    def reveal(self, reader: Reader, place: Place) -> str:
        """Return a value.

        Raises:
            NotFoundError: none is kept there.
            StoreError: it was not sealed for this place, was changed, or its key is gone.
        """
        sql = "SELECT key_version, sealed FROM secrets WHERE resource_id = ? AND field = ?"
        rows = reader.execute(sql, (place.resource_id, place.field))
        if not rows:
            raise NotFoundError("secret", place.field, f"{place.resource_id} keeps no secret {place.field}")
        version, sealed = rows[0]
        key = self._opened(reader, place.org, version)
        return _decrypt(key, sealed, _authenticated(place, version), f"{place.resource_id} {place.field}").decode(
            "utf-8", "surrogatepass"
        )

    def encrypt(self, tx: Transaction, purpose: str, content: bytes) -> tuple[int, bytes]:
        """Return the key version and the encrypted bytes of what belongs to no organisation, for the caller to keep.

        Args:
            tx: the transaction that keeps them.
            purpose: what they are, authenticated with them; they open only for the same one.
            content: the bytes.
        """
        version, key = self._data_key(tx, INSTALLATION)
        return version, _encrypt(key, content, f"{purpose}\0{version}".encode())

    def decrypt(self, reader: Reader, purpose: str, version: int, sealed: bytes) -> bytes:
        """Return the bytes that `encrypt` was given.

        Raises:
            StoreError: they were encrypted for another purpose, were changed, or their key is gone.
        """
        key = self._opened(reader, INSTALLATION, version)
        return _decrypt(key, sealed, f"{purpose}\0{version}".encode(), purpose)

    def fields(self, reader: Reader, resource_id: str) -> set[str]:
        """Return the fields of a resource that have a value here."""
        return {field for (field,) in reader.execute("SELECT field FROM secrets WHERE resource_id = ?", (resource_id,))}

    def forget(self, tx: Transaction, resource_id: str, fields: Sequence[str]) -> None:
        """Drop values; all of a resource's go with it anyway."""
        for field in fields:
            tx.execute("DELETE FROM secrets WHERE resource_id = ? AND field = ?", (resource_id, field))

    def check(self, reader: Reader) -> None:
        """Check that every data key can be opened.

        Raises:
            StoreError: a root key is missing or unreadable; names what could not be read without it.
        """
        needed = reader.execute("SELECT DISTINCT root_key_id FROM data_keys")
        if not needed:
            return
        known = {key.id for key in self._keys.load()}
        lost = sorted(key_id for (key_id,) in needed if key_id not in known)
        if lost:
            raise StoreError(
                f"the root key {', '.join(lost)} is not in {self._keys.file} or the environment; without it these"
                f" secrets cannot be read: {_affected(reader, lost)}; put the key back, it is never replaced"
            )

    def rotate(self, tx: Transaction) -> int:
        """Encrypt every data key with the current root key, give each organisation a new one; return how many.

        Values stay as they are: what is written from now on uses the new data keys.
        """
        root = self._keys.current()
        rows = tx.execute("SELECT org_id, version, root_key_id, wrapped FROM data_keys ORDER BY org_id, version")
        for org, version, root_id, wrapped in rows:
            content = _unwrapped(self._root(root_id), org, version, wrapped)
            tx.execute(
                "UPDATE data_keys SET root_key_id = ?, wrapped = ? WHERE org_id = ? AND version = ?",
                (root.id, _wrapped(root, org, version, content), org, version),
            )
        for org in {row[0] for row in rows}:
            self._new_data_key(tx, org, 1 + max(row[1] for row in rows if row[0] == org))
        return len(rows)

    def _data_key(self, tx: Transaction, org: str) -> tuple[int, bytes]:
        rows = tx.execute("SELECT max(version) FROM data_keys WHERE org_id = ?", (org,))
        if rows[0][0] is None:
            return 1, self._new_data_key(tx, org, 1)
        return rows[0][0], self._opened(tx, org, rows[0][0])

    def _new_data_key(self, tx: Transaction, org: str, version: int) -> bytes:
        root, content = self._keys.current(), secrets.token_bytes(KEY_BYTES)
        tx.execute(
            "INSERT INTO data_keys (org_id, version, root_key_id, wrapped, created_at) VALUES (?, ?, ?, ?, ?)",
            (org, version, root.id, _wrapped(root, org, version, content), tx.now.isoformat()),
        )
        return content

    def _opened(self, reader: Reader, org: str, version: int) -> bytes:
        sql = "SELECT root_key_id, wrapped FROM data_keys WHERE org_id = ? AND version = ?"
        rows = reader.execute(sql, (org, version))
        if not rows:
            raise StoreError(f"the data key {version} of organisation {org!r} is missing")
        return _unwrapped(self._root(rows[0][0]), org, version, rows[0][1])

    def _root(self, key_id: str) -> RootKey:
        for key in self._keys.load():
            if key.id == key_id:
                return key
        raise StoreError(f"the root key {key_id} is not in {self._keys.file} or the environment; it is never replaced")


def _affected(reader: Reader, root_ids: Sequence[str]) -> str:
    marks = ", ".join("?" * len(root_ids))
    rows = reader.execute(
        "SELECT r.kind, r.org_id, r.slug, s.field FROM secrets s JOIN resources r ON r.id = s.resource_id"  # noqa: S608 - marks are question marks
        " JOIN data_keys k ON k.org_id = r.org_id AND k.version = s.key_version"
        f" WHERE k.root_key_id IN ({marks}) ORDER BY 1, 2, 3, 4 LIMIT {_NAMES_SHOWN + 1}",
        root_ids,
    )
    names = [f"{kind} {org}/{slug} {field.rpartition('/')[2]}" for kind, org, slug, field in rows]
    sql = f"SELECT 1 FROM data_keys WHERE org_id = ? AND root_key_id IN ({marks})"  # noqa: S608 - as above
    if reader.execute(sql, (INSTALLATION, *root_ids)):
        names.insert(0, "large values of runs")
    more = " and more" if len(names) > _NAMES_SHOWN else ""
    return (", ".join(names[:_NAMES_SHOWN]) or "none yet") + more


def _authenticated(place: Place, version: int) -> bytes:
    return "\0".join((*place, str(version))).encode()


def _wrapped(root: RootKey, org: str, version: int, content: bytes) -> bytes:
    return _encrypt(root.content, content, f"data key\0{org}\0{version}".encode())


@lru_cache(maxsize=256)
def _unwrapped(root: RootKey, org: str, version: int, wrapped: bytes) -> bytes:
    return _decrypt(root.content, wrapped, f"data key\0{org}\0{version}".encode(), f"the data key of {org}")


def _encrypt(key: bytes, content: bytes, authenticated: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + bytes(_cipher(key).encrypt(nonce, content, authenticated))


def _decrypt(key: bytes, sealed: bytes, authenticated: bytes, what: str) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see _cipher

    try:
        return bytes(_cipher(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], authenticated))
    except (InvalidTag, ValueError) as error:
        raise StoreError(f"{what} cannot be decrypted: it was changed, or belongs elsewhere") from error


@lru_cache(maxsize=256)
def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 40 ms that only secrets pay

    return AESGCM(key)
