"""Documents over gRPC: stigmer.core.v1.ResourceService, of a server or of an installation in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.cli.catalog import KindEntry
from stigmer_core.cli.documents import Document, MissingError, WatchedChange
from stigmer_core.cli.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stigmer_core.cli.connection import Connection

_SERVICE = "/stigmer.core.v1.ResourceService"
_PAGE_SIZE = 500


class RemoteDocuments:
    """Reads and writes documents through a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._kinds: list[KindEntry] | None = None

    def kinds(self) -> Sequence[KindEntry]:
        """Return the kinds that the server knows: it may have other plugins than this installation."""
        if self._kinds is None:
            response = self._connection.call(f"{_SERVICE}/ListKinds", pb.ListKindsRequest(), pb.ListKindsResponse)
            self._kinds = kind_entries(response.kinds)
        return self._kinds

    def get(self, kind: KindEntry, name: str, org: str) -> Document:
        """Return a document by id or slug.

        Raises:
            MissingError: there is none.
        """
        request = pb.GetRequest(kind=kind.name, name=name, org=org)
        return self._found(f"{_SERVICE}/Get", request)

    def listing(self, kind: KindEntry, org: str) -> Iterator[Document]:
        """Yield a kind's documents, newest first."""
        request = pb.ListRequest(kind=kind.name, org=org if kind.org_scoped else "", page_size=_PAGE_SIZE)
        while True:
            response = self._connection.call(f"{_SERVICE}/List", request, pb.ListResponse)
            yield from map(_document, response.items)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    def validate(self, text: str) -> pb.ValidateResponse:
        """Return what is wrong with a document."""
        return self._connection.call(f"{_SERVICE}/Validate", pb.ValidateRequest(json=text), pb.ValidateResponse)

    def apply(self, text: str, *, dry_run: bool = False) -> tuple[str, Document]:
        """Apply a document; return `created`, `updated` or `unchanged`, and what is stored then."""
        request = pb.ApplyRequest(json=text, dry_run=dry_run)
        response = self._connection.call(f"{_SERVICE}/Apply", request, pb.ApplyResponse)
        return pb.ApplyAction.Name(response.action).lower(), _document(response.document)

    def delete(self, kind: KindEntry, name: str, org: str) -> Document:
        """Delete a resource and what it owns; return its last state.

        Raises:
            MissingError: there is none.
        """
        request = pb.DeleteRequest(kind=kind.name, name=name, org=org)
        return self._found(f"{_SERVICE}/Delete", request)

    def watch(
        self, kind: KindEntry, name: str, org: str, after_revision: int, *, seconds: float | None = None
    ) -> Iterator[WatchedChange]:
        """Yield every change to a kind's resources after a revision, or to the one that `name` names.

        Raises:
            MissingError: there is no resource of this name.
        """
        where = "" if not name and not kind.org_scoped else org
        request = pb.WatchRequest(kind=kind.name, name=name, org=where, after_revision=after_revision)
        try:
            for event in self._connection.stream(f"{_SERVICE}/Watch", request, pb.WatchEvent, seconds=seconds):
                word = pb.WatchEvent.Type.Name(event.type).lower()
                yield WatchedChange(word, event.revision, _document(event.document))
        except Failure as failure:
            raise _missing(failure) from failure

    def _found(self, path: str, request: Any) -> Document:
        try:
            return _document(self._connection.call(path, request, pb.Document))
        except Failure as failure:
            raise _missing(failure) from failure


def kind_entries(infos: Sequence[Any]) -> list[KindEntry]:
    """Return KindInfo messages as the command line keeps them."""
    return [
        KindEntry(
            name=info.name,
            plural=info.plural,
            short_names=list(info.short_names),
            id_prefix=info.id_prefix,
            api_version=info.api_version,
            org_scoped=info.org_scoped,
            verbs=list(info.verbs),
            columns=[(column.name, column.path, column.wide) for column in info.columns],
            plugin=info.plugin,
            description=info.description,
            message=info.message,
            available=info.available,
        )
        for info in infos
    ]


def _document(message: Any) -> Document:
    return Document(message.kind, message.id, message.org, message.slug, message.json, message.revision)


def _missing(failure: Failure) -> Exception:
    return MissingError(failure.message) if failure.status == "NOT_FOUND" else failure
