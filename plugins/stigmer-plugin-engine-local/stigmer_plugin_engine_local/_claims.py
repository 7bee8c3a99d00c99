"""The claim check: what is large in a run is kept once, encrypted, and its digest stands for it where it is used."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import StoreError
from stigmer_core.program_json import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from stigmer_core.program import Json
    from stigmer_core.store import Reader, Transaction
    from stigmer_core.vault import Vault

LARGE = 256 * 1024  # characters of JSON: a value of more is kept apart
_CLAIMS = "$claims"  # [path, digest] of what was taken out of the `value` beside it, the outermost first
_PURPOSE = "value of a run"
_AT_ONCE = 64  # members of a list or object that are measured together, most of which are small

Path = tuple[str | int, ...]
_Places = tuple[str, ...]


class Claims:
    """Takes large values out of what is stored of a run, and puts them back.

    Where a value is used is noted with it, by run and place; one that is used nowhere any more is dropped in the
    transaction that ends its last use.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keep(self, tx: Transaction, run_id: str, place: str, value: Json) -> str:
        """Return the JSON text to store of a value; what is large in it is kept apart, as used at a place of a run."""
        return self.kept(tx, run_id, place, value, text(value))

    def kept(self, tx: Transaction, run_id: str, place: str, value: Json, written: str) -> str:
        """Return what `keep` returns of a value whose JSON text is known."""
        if len(written) <= LARGE and not _looks_taken_out(value):
            return written
        taken: list[tuple[Path, str]] = []
        rest = _taken_out(value, written, (), taken)
        places = [[list(path), self._keep(tx, run_id, place, content)] for path, content in reversed(taken)]
        return text({_CLAIMS: places, "value": rest})

    def renew(self, tx: Transaction, run_id: str, place: str, value: Json, *, instead_of: _Places) -> str:
        """Return the JSON text to store of a value that takes the place of others of the run."""
        before = self._unused(tx, run_id, instead_of)
        written = self.keep(tx, run_id, place, value)
        self._collect(tx, before)
        return written

    def restore(self, reader: Reader, written: str) -> Json:
        """Return the value that `keep` returned this text of.

        Raises:
            StoreError: a part of it is missing, or cannot be decrypted.
        """
        value = json.loads(written)
        if not _looks_taken_out(value):
            return value
        holder = [value["value"]]
        for path, digest in value[_CLAIMS]:
            _put(holder, (0, *path), json.loads(self._content(reader, digest)))
        return holder[0]

    def release(self, tx: Transaction, run_id: str, *places: str) -> None:
        """Let go of what a run uses at some places."""
        self._collect(tx, self._unused(tx, run_id, places))

    def _keep(self, tx: Transaction, run_id: str, place: str, content: str) -> str:
        encoded = content.encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(encoded).hexdigest()
        if not tx.execute("SELECT 1 FROM engine_claim WHERE digest = ?", (digest,)):
            version, sealed = self._vault.encrypt(tx, f"{_PURPOSE} {digest}", encoded)
            sql = "INSERT INTO engine_claim (digest, key_version, sealed) VALUES (?, ?, ?)"
            tx.execute(sql, (digest, version, sealed))
        sql = "INSERT OR IGNORE INTO engine_claim_use (run_id, place, digest) VALUES (?, ?, ?)"
        tx.execute(sql, (run_id, place, digest))
        return digest

    def _content(self, reader: Reader, digest: str) -> str:
        rows = reader.execute("SELECT key_version, sealed FROM engine_claim WHERE digest = ?", (digest,))
        if not rows:
            raise StoreError(f"the value {digest} of a run is missing")
        content = self._vault.decrypt(reader, f"{_PURPOSE} {digest}", *rows[0])
        return content.decode("utf-8", "surrogatepass")

    def _unused(self, tx: Transaction, run_id: str, places: _Places) -> list[str]:
        marks = ", ".join("?" * len(places))
        sql = f"DELETE FROM engine_claim_use WHERE run_id = ? AND place IN ({marks}) RETURNING digest"  # noqa: S608 - question marks
        return [str(digest) for (digest,) in tx.execute(sql, (run_id, *places))]

    def _collect(self, tx: Transaction, digests: Iterable[str]) -> None:
        sql = (
            "DELETE FROM engine_claim WHERE digest = ?1"
            " AND NOT EXISTS (SELECT 1 FROM engine_claim_use WHERE digest = ?1)"
        )
        for digest in digests:
            tx.execute(sql, (digest,))


def _looks_taken_out(value: Json) -> bool:
    return isinstance(value, dict) and _CLAIMS in value


def _taken_out(value: Json, written: str, path: Path, taken: list[tuple[Path, str]]) -> Json:
    """Return a value without what is large in it, the innermost parts first; those go to `taken`."""
    if len(written) <= LARGE:
        return value
    members = list(_large_members(value)) if isinstance(value, (dict, list)) else []
    if members:
        rest: Any = value.copy()
        for key, child, child_text in members:
            rest[key] = _taken_out(child, child_text, (*path, key), taken)
        value, written = rest, text(rest)
    if len(written) <= LARGE:
        return value
    taken.append((path, written))
    return None


def _large_members(value: dict[str, Json] | list[Json]) -> Iterator[tuple[Any, Json, str]]:
    items: Sequence[tuple[Any, Json]] = list(value.items() if isinstance(value, dict) else enumerate(value))
    for start in range(0, len(items), _AT_ONCE):
        some = items[start : start + _AT_ONCE]
        if len(text([child for _, child in some])) > LARGE:
            for key, child in some:
                written = text(child)
                if len(written) > LARGE:
                    yield key, child, written


def _put(holder: Any, path: Path, value: Json) -> None:
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
