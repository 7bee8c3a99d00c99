"""Tickets pass the conformance kit: pytest --asyncio-mode=auto test_ticket.py."""

from stigmer_plugin_ticket import stigmer_kinds

from stigmer_core.testing.kind_conformance import KindConformance


class TestTicket(KindConformance):
    """Some fifty checks, from creating to concurrent applies."""

    kind = "Ticket"

    def resource(self, name):
        """Return a valid ticket."""
        made = stigmer_kinds()[0].message(api_version="tickets.example/v1", kind="Ticket")
        made.metadata.name, made.metadata.org = name, "local"
        made.spec.title, made.spec.severity = "broken", "low"
        return made

    def change(self, resource):
        """Change something that may change."""
        resource.spec.title += "!"
