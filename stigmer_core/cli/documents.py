"""Reading documents: one shape, whether a server answers or the database is read in this process."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stigmer_core.cli.catalog import KindEntry

_NAMES_LOOKED_AT = 500
_CLOSEST = 3


class Document(NamedTuple):
    """A resource; `json` is its proto3 JSON as it is stored."""

    kind: str
    id: str
    org: str
    slug: str
    json: str
    revision: int

    def name(self) -> str:
        """Return `kind/slug`, as `-o name` prints it and every command takes it."""
        return f"{self.kind.lower()}/{self.slug or self.id}"


class WatchedChange(NamedTuple):
    """What a watch tells: `added`, `changed`, `deleted`, or `synced` when the present state has been sent."""

    type: str
    revision: int
    document: Document


class MissingError(Exception):
    """There is no document of that name."""


class Documents(Protocol):
    """Where documents are read."""

    def kinds(self) -> Iterable[KindEntry]:
        """Yield the kinds in the order their documents are applied, then those whose plugin is gone."""

    def get(self, kind: KindEntry, name: str, org: str) -> Document:
        """Return a document by id or slug.

        Raises:
            MissingError: there is none.
        """

    def listing(self, kind: KindEntry, org: str) -> Iterator[Document]:
        """Yield a kind's documents, newest first; an empty `org` stands for every organization."""


def find_kind(documents: Documents, word: str) -> KindEntry:
    """Return the kind that is called `word` on the command line.

    Raises:
        Failure: none is.
    """
    wanted = word.lower()
    seen: list[str] = []
    for kind in documents.kinds():
        if wanted in kind.words():
            return kind
        seen += kind.words()
    near = difflib.get_close_matches(wanted, seen, n=_CLOSEST)
    hint = _closest("stigmer api-resources", near)
    raise Failure(f'unknown kind "{word}"', code=ExitCode.USAGE, hint=hint, status="INVALID_ARGUMENT")


def kind_of_id(documents: Documents, word: str) -> KindEntry | None:
    """Return the kind of an id such as `agt_01h...`, or None when the word is no id."""
    prefix, underscore, _ = word.partition("_")
    if not underscore:
        return None
    return next((kind for kind in documents.kinds() if kind.id_prefix and kind.id_prefix == prefix), None)


def not_found(documents: Documents, kind: KindEntry, name: str, org: str) -> NoReturn:
    """Say that there is no such resource, and which one may have been meant.

    Raises:
        Failure: always.
    """
    where = f' in organization "{org}"' if kind.org_scoped else ""
    slugs = [document.slug for _, document in zip(range(_NAMES_LOOKED_AT), documents.listing(kind, org), strict=False)]
    near = difflib.get_close_matches(name, slugs, n=1)
    word = kind.name.lower()
    raise Failure(
        f'{word} "{name}" not found{where}',
        code=ExitCode.NOT_FOUND,
        why=f"no {word} has this name or id",
        hint=_closest(f"stigmer get {kind.plural}", near),
        status="NOT_FOUND",
    )


def _closest(command: str, near: list[str]) -> str:
    return f"{command}        (closest match: {', '.join(near)})" if near else command
