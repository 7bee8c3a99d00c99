"""Tickets: a kind of resource in one file."""

from stigmer_core import Column, Kind, hookimpl, resource_message
from stigmer_core.errors import Problem

SEVERITIES = ("low", "high", "urgent")


def check_severity(draft):
    """Return what is wrong with a ticket; `apply` shows it at the line of the manifest."""
    severity = draft.resource.spec.severity
    if severity in SEVERITIES:
        return []
    return [Problem("/spec/severity", f"{severity!r} is no severity", f"one of {', '.join(SEVERITIES)}")]


@hookimpl
def stigmer_kinds():
    """Return Ticket."""
    message = resource_message("tickets.v1.Ticket", title=str, severity=str, watchers=list[str])
    return [
        Kind(
            name="Ticket",
            message=message,
            api_version="tickets.example/v1",
            id_prefix="tkt",
            plural="tickets",
            description="something that somebody wants done",
            columns=[Column("SEVERITY", "spec.severity"), Column("TITLE", "spec.title")],
            check=check_severity,
        )
    ]
