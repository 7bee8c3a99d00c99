"""Search in its three modes, over kinds of other people's plugins too."""

from __future__ import annotations

import pytest
from ai.stigmer.search.v1.io_pb2 import SearchRequest

from stigmer_core.testing.installation import installation

SERVICE = "ai.stigmer.search.v1.SearchService"


async def search(api, **request):
    return await api.call(SERVICE, "search", SearchRequest(**request))


async def test_an_installation_without_searchable_kinds_finds_nothing(tmp_path):
    """An empty answer, not an error."""
    async with installation(tmp_path, plugins=("search",)) as api:
        found = await search(api, query="anything")

    assert (found.total_count, found.total_pages, list(found.entries)) == (0, 0, [])


async def test_a_query_that_is_too_long_is_refused(tmp_path):
    """The API allows 500 characters."""
    async with installation(tmp_path, plugins=("search",)) as api:
        with pytest.raises(Exception, match="query"):
            await search(api, query="x" * 501)
