"""A conformance kit for kinds: a plugin's tests inherit it, and its kind is tried in some fifty ways.

    class TestTicket(KindConformance):
        kind = "Ticket"

        def resource(self, name):
            return resource_message(...)   # a valid resource of that name, in the organization `local`

        def change(self, resource):
            resource.spec.title = "another"

What a kind does not have (an RPC, search, organizations) is skipped in words. The tests need pytest and
pytest-asyncio, and open a real installation over a database file each.
"""

from __future__ import annotations

from stigmer_core.testing.kind_conformance.changing import Changing
from stigmer_core.testing.kind_conformance.creating import Creating
from stigmer_core.testing.kind_conformance.deleting import Deleting
from stigmer_core.testing.kind_conformance.documents import Documents
from stigmer_core.testing.kind_conformance.reading import Reading

__all__ = ["KindConformance"]


class KindConformance(Creating, Reading, Changing, Deleting, Documents):
    """Every check of the kit."""
