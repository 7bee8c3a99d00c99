"""What the shell completes: kinds from the catalog, names from the home. It never fails and never loads a plugin."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from stigmer_core.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click

_MOST_NAMES = 200


def _quietly(function: Callable[[Session, dict[str, Any]], Iterator[str]]) -> Callable[..., list[str]]:
    """Return a completion that offers nothing when something goes wrong: a shell's line is no place for errors."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        session = context.find_object(Session) or Session()
        with contextlib.suppress(Exception):
            return [word for word in function(session, context.params) if word.startswith(incomplete)]
        return []

    return complete


def _kinds(session: Session, _given: dict[str, Any]) -> Iterator[str]:
    from stigmer_core.cli.catalog import cached_catalog  # noqa: PLC0415 - for the shell only

    catalog = cached_catalog(session.home)
    for kind in catalog.kinds if catalog is not None else ():
        yield kind.plural
        yield kind.name.lower()


def _names(session: Session, given: dict[str, Any]) -> Iterator[str]:
    from stigmer_core.cli.documents import find_kind  # noqa: PLC0415 - for the shell only

    documents = session.readable_documents()
    kind = find_kind(documents, given["kind"])
    for _, document in zip(range(_MOST_NAMES), documents.listing(kind, session.org), strict=False):
        yield document.slug or document.id


complete_kind = _quietly(_kinds)
complete_name = _quietly(_names)
