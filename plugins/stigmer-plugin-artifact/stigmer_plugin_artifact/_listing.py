"""What one run left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.agentic.artifact.v1 import io_pb2
from ai.stigmer.agentic.artifact.v1.api_pb2 import Artifact

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.resources import NumberedPage, spliced
from stigmer_core.resources.paths import value_at
from stigmer_plugin_artifact._steps import RUN_PATHS

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.kind import Encoded
    from stigmer_core.store import Reader, Row

PAGE_SIZE = 1000
_EVERY = 1_000_000


def run_artifacts(reader: Reader, kind: Kind, request: io_pb2.ListArtifactsByExecutionRequest) -> Encoded:
    """Return a page of the artifacts of a run, newest first; with both ids those that have both.

    Raises:
        InvalidArgumentError: no run is named, or the page token is no page's number.
    """
    given = zip(RUN_PATHS, (request.agent_execution_id, request.workflow_execution_id), strict=True)
    wanted = [(path, value) for path, value in given if value]
    if not wanted:
        raise InvalidArgumentError("name a run: workflow_execution_id or agent_execution_id is required")
    page = _page(request)
    first, *also = wanted
    if also:
        rows = [row for row in reader.page(kind.name, index=first, limit=_EVERY) if _matches(row, also)]
        total, rows = len(rows), rows[page.offset : page.offset + page.size]
    else:
        total = reader.count(kind.name, index=first)
        rows = reader.page(kind.name, index=first, offset=page.offset, limit=page.size)
    return spliced(io_pb2.ArtifactList(total_pages=page.total_pages(total)), "entries", rows)


def _page(request: io_pb2.ListArtifactsByExecutionRequest) -> NumberedPage:
    size = request.page_size if 0 < request.page_size <= PAGE_SIZE else PAGE_SIZE
    token = request.page_token or "1"
    if not (token.isascii() and token.isdecimal() and len(token) < 10 and int(token)):  # noqa: PLR2004 - fits SQLite
        raise InvalidArgumentError(f"page_token is the number of a page, from 1; {token[:40]!r} is none")
    return NumberedPage(int(token), size)


def _matches(row: Row, wanted: list[tuple[str, str]]) -> bool:
    artifact = Artifact.FromString(row.body)
    return all(value_at(artifact, path) == value for path, value in wanted)
