"""`stigmer search`: resources by their text, through ai.stigmer.search.v1.SearchService."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.completion import complete_kind
from stigmer_core.cli.documents import find_kind
from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import Failure, fail
from stigmer_core.cli.session import Session, pass_session
from stigmer_core.cli.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PATH = "/ai.stigmer.search.v1.SearchService/search"
_PLUGIN = "stigmer-plugin-search"
_MOST = 100


@click.command(short_help="Find resources by their text.")
@click.argument("query", nargs=-1)
@click.option("--kind", "kinds", multiple=True, shell_complete=complete_kind, help="Only of this kind.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="At most so many.")
@pass_session
def search(session: Session, query: tuple[str, ...], kinds: tuple[str, ...], limit: int) -> None:
    """Find resources by name, description, tags and content, best first; without a QUERY list the newest."""
    messages = _messages()
    documents = session.documents()
    request = messages.SearchRequest(query=" ".join(query))
    if "org" in session.options:
        request.org = session.org
    request.page.size = limit
    request.kinds.extend(_number(find_kind(documents, word).name) for word in kinds)
    try:
        response = session.connection().call(_PATH, request, messages.SearchResponse)
    except Failure as failure:
        if failure.status == "UNIMPLEMENTED":
            raise _missing() from failure
        raise
    by_prefix = {kind.id_prefix: kind.name for kind in documents.kinds()}
    _emit(session, response, [_kind_of(entry, by_prefix) for entry in response.entries])


def _emit(session: Session, response: Any, kinds: Sequence[str]) -> None:
    from google.protobuf import json_format  # noqa: PLC0415 - with the plugin's messages

    found = list(zip(kinds, response.entries, strict=True))
    rows = [[kind, entry.slug, f"{entry.score:.2f}", entry.description] for kind, entry in found]
    items = [json_format.MessageToDict(entry) | {"kind": kind} for kind, entry in found]
    data = {"apiVersion": "cli.stigmer/v1", "kind": "SearchResult", "items": items, "total": response.total_count}
    table = Table(["KIND", "NAME", "SCORE", "DESCRIPTION"], rows)
    session.emit(data, table=table, names=[f"{kind.lower()}/{entry.slug}" for kind, entry in found])
    if response.total_count > len(found):
        session.note(f"{len(found)} of {response.total_count}: --limit shows more")


def _messages() -> Any:
    try:
        return import_module("ai.stigmer.search.v1.io_pb2")
    except ImportError as error:
        raise _missing() from error


def _number(kind: str) -> int:
    """Return the API's number of a kind; the search API knows no others."""
    numbers = {name: number for number, name in _names().items()}
    if kind not in numbers:
        fail(ExitCode.USAGE, f"the search API has no kind {kind}", hint="stigmer search without --kind")
    return numbers[kind]


def _kind_of(entry: Any, by_prefix: Mapping[str, str]) -> str:
    """Return a hit's kind; that of a kind the API has no number for shows in its id."""
    return _names()[entry.kind] if entry.kind else by_prefix.get(entry.id.partition("_")[0], "?")


def _names() -> dict[int, str]:
    wrapper = import_module("ai.stigmer.commons.apiresource.apiresourcekind.api_resource_kind_pb2").ApiResourceKind
    return {number: "".join(part.capitalize() for part in name.split("_")) for name, number in wrapper.items()}


def _missing() -> Failure:
    return Failure(
        "there is no search here",
        code=ExitCode.FAILURE,
        why=f"{_PLUGIN} provides it and is not loaded",
        hint=f"pip install {_PLUGIN}, or: stigmer plugin list",
        status="UNIMPLEMENTED",
    )
