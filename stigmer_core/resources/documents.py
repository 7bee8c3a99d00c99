"""`stigmer.core.v1.ResourceService`: every kind as JSON documents, for the command line and consoles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.api.v1 import resources_pb2 as pb
from stigmer_core.errors import InvalidArgumentError, NotFoundError, Problem
from stigmer_core.resources.json_text import read_json
from stigmer_core.resources.manifest import adopt, kind_of, message_of, pointer_of
from stigmer_core.resources.pages import page_size, page_token, token_position
from stigmer_core.resources.watching import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from stigmer_core.kind import Encoded, Kind
    from stigmer_core.resources.pipeline import Resources
    from stigmer_core.store import Reader, Row, Transaction

SERVICE = "stigmer.core.v1.ResourceService"
_DEFAULT_SIZE, _MAX_SIZE = 50, 500
_MAX_DOCUMENT_CHARACTERS = 8_000_000


class DocumentController:
    """Serves ResourceService over the pipeline."""

    def __init__(self, resources: Resources, plugin_of: Callable[[str], str]) -> None:
        self._resources = resources
        self._store = resources.store
        self._plugin_of = plugin_of

    async def list_kinds(self, request: pb.ListKindsRequest) -> pb.ListKindsResponse:  # noqa: ARG002 - an RPC's shape
        """Return every kind, in the order their documents are applied; then kinds whose plugin is gone."""
        infos = kind_infos(self._resources.kinds.values(), self._plugin_of)
        gone = self._store.read(lambda reader: sorted(set(reader.kinds()) - set(self._resources.kinds)))
        infos += [pb.KindInfo(name=name, plural=name.lower(), available=False) for name in gone]
        return pb.ListKindsResponse(kinds=infos)

    async def get(self, request: pb.GetRequest) -> pb.Document:
        """Return one document by id or slug."""
        return self._store.read(lambda reader: self._document(reader, self._row(reader, request)))

    async def list(self, request: pb.ListRequest) -> pb.ListResponse:
        """Return a page of a kind's documents, newest first."""
        size = page_size(request, default=_DEFAULT_SIZE, most=_MAX_SIZE)
        before = token_position(request)

        def page(reader: Reader) -> pb.ListResponse:
            rows = reader.page_data(request.kind, org=request.org or None, before=before, limit=size + 1)
            items = [
                pb.Document(kind=request.kind, id=r.id, org=r.org, slug=r.slug, json=r.data, revision=r.revision)
                for r in rows[:size]
            ]
            more = page_token(request, rows[size - 1].sequence) if len(rows) > size else ""
            return pb.ListResponse(items=items, next_page_token=more, revision=reader.revision())

        return self._store.read(page)

    async def validate(self, request: pb.ValidateRequest) -> pb.ValidateResponse:
        """Return what is wrong with a document; writes nothing."""
        response = pb.ValidateResponse()
        try:
            document = self._loaded(request.json)
            manifest = adopt(document, self._resources.kinds)
            response.kind = str(manifest.get("kind", ""))
            kind, draft = self._drafted(manifest)
            response.kind, response.slug = kind.name, draft.metadata.slug
        except InvalidArgumentError as error:
            response.problems.extend(_wire(problem) for problem in error.problems)
            if not error.problems:
                response.problems.add(message=error.message)
        return response

    async def apply(self, request: pb.ApplyRequest) -> pb.ApplyResponse:
        """Create or update the resource that a document describes, or say that nothing changes."""
        document = self._loaded(request.json)
        kind, draft = self._drafted(adopt(document, self._resources.kinds))
        if request.dry_run:
            return await self._dry_run(kind, draft)
        return await self._store.run(lambda tx: self._applied(tx, kind, draft))

    async def delete(self, request: pb.DeleteRequest) -> pb.Document:
        """Delete a resource by id or slug; return its last state."""
        kind = self._resources.kind(request.kind)

        def delete(tx: Transaction) -> pb.Document:
            row = self._row(tx, request)
            last = self._document(tx, row)
            self._resources.delete_in(tx, kind, row.id)
            return last

        return await self._store.run(delete)

    def watch(self, request: pb.WatchRequest) -> AsyncIterator[pb.WatchEvent | Encoded]:
        """Yield every change to a kind's resources, or to one of them until it is deleted."""
        resource_id = self._store.read(lambda reader: self._row(reader, request)).id if request.name else ""
        watch = Watch(self._store, kind=request.kind, org=request.org, resource_id=resource_id)
        return watch.events(request.after_revision)

    def _loaded(self, text: str) -> Any:
        if len(text) > _MAX_DOCUMENT_CHARACTERS:
            raise InvalidArgumentError(f"the document has {len(text)} characters, at most {_MAX_DOCUMENT_CHARACTERS}")
        return read_json(text, "document")

    def _drafted(self, manifest: Any) -> tuple[Kind, Any]:
        kind = kind_of(manifest, self._resources.kinds)
        if "apply" not in kind.verbs:
            message = f"{kind.label()} resources are not applied: they are made by RPCs of their own"
            raise InvalidArgumentError(message, problems=[Problem("/kind", message)])
        # Prepared first: a kind's check may fill what its rules ask for, as the name in a skill's front matter.
        draft = self._resources.prepare(kind, message_of(manifest, kind), creating=True)
        try:
            self._resources.validate(draft)
        except InvalidArgumentError as error:
            located = [_located(problem, manifest) for problem in error.problems]
            raise InvalidArgumentError(error.message, problems=located) from error
        return kind, draft

    def _applied(self, tx: Transaction, kind: Kind, draft: Any) -> pb.ApplyResponse:
        before = self._resources.find_in(tx, kind, draft.metadata.org, draft.metadata.slug)
        if before is not None and not self._resources.would_change(tx, kind, draft):
            row = self._resources.row_in(tx, kind, before.metadata.id)
            return pb.ApplyResponse(action=pb.UNCHANGED, document=self._document(tx, row))
        after = self._resources.apply_in(tx, kind, draft)
        row = self._resources.row_in(tx, kind, after.metadata.id)
        action = pb.UPDATED if before is not None else pb.CREATED
        return pb.ApplyResponse(action=action, document=self._document(tx, row))

    async def _dry_run(self, kind: Kind, draft: Any) -> pb.ApplyResponse:
        done: list[pb.ApplyResponse] = []

        def rehearse(tx: Transaction) -> None:
            done.append(self._applied(tx, kind, draft))
            raise _Rehearsed

        try:
            await self._store.run(rehearse)
        except _Rehearsed:
            return done[0]
        raise AssertionError  # pragma: no cover - rehearse always raises

    def _row(self, reader: Reader, request: Any) -> Row:
        kind = self._resources.kinds.get(request.kind)
        row = reader.get(request.name)
        if row is None or row.kind != request.kind:
            scoped = kind is None or kind.org_scoped
            row = reader.find(request.kind, (request.org or "local") if scoped else "", request.name)
        if row is None:
            label = kind.label() if kind is not None else request.kind
            raise NotFoundError(label, request.name)
        return row

    def _document(self, reader: Reader, row: Row) -> pb.Document:
        data = reader.data(row.id)
        return pb.Document(kind=row.kind, id=row.id, org=row.org, slug=row.slug, json=data, revision=row.revision)


class _Rehearsed(Exception):  # noqa: N818 - rolls a dry run back
    pass


def kind_infos(kinds: Any, plugin_of: Callable[[str], str]) -> list[pb.KindInfo]:
    """Return what clients need to know of kinds, in the order their documents are applied."""
    return [
        _info(kind, plugin_of(f"kind {kind.name}")) for kind in sorted(kinds, key=lambda k: (k.apply_order, k.name))
    ]


def _info(kind: Kind, plugin: str) -> pb.KindInfo:
    return pb.KindInfo(
        name=kind.name,
        plural=kind.plural,
        short_names=kind.short_names,
        id_prefix=kind.id_prefix,
        api_version=kind.api_version,
        org_scoped=kind.org_scoped,
        verbs=kind.verbs,
        columns=[pb.Column(name=c.name, path=c.path, wide=c.wide) for c in kind.columns],
        plugin=plugin,
        description=kind.description,
        message=kind.message.DESCRIPTOR.full_name,
        available=True,
    )


def _located(problem: Problem, manifest: Any) -> Problem:
    if problem.pointer.startswith("/"):
        return problem
    return Problem(pointer_of(problem.pointer, manifest), problem.message, problem.hint)


def _wire(problem: Problem) -> pb.Problem:
    return pb.Problem(pointer=problem.pointer, message=problem.message, hint=problem.hint)
