"""What this plugin adds: the kind Organization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai.stigmer.tenancy.organization.v1 import command_pb2, query_pb2
from ai.stigmer.tenancy.organization.v1.api_pb2 import Organization

from stigmer_core import Column, Kind, Service, hookimpl, service_names
from stigmer_plugin_tenancy._controller import OrganizationQueries
from stigmer_plugin_tenancy._steps import require_empty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.resources import Resources

_API_VERSION = "tenancy.stigmer.ai/v1"

ORGANIZATION = Kind(
    name="Organization",
    message=Organization,
    api_version=_API_VERSION,
    id_prefix="org",
    plural="organizations",
    short_names=("org", "orgs"),
    description="owns resources; its id is its slug",
    number=30,
    services=service_names(command_pb2, query_pb2),
    columns=(Column("DESCRIPTION", "spec.description"),),
    org_scoped=False,
    id_is_slug=True,
    apply_order=10,
    before_delete=require_empty,
    seeds=(
        {
            "apiVersion": _API_VERSION,
            "kind": "Organization",
            "metadata": {"name": "local"},
            "spec": {"description": "The organization of this installation."},
        },
    ),
)


@hookimpl
def stigmer_kinds() -> Sequence[Kind]:
    """Return Organization."""
    return [ORGANIZATION]


@hookimpl
def stigmer_services(resources: Resources) -> Sequence[Service]:
    """Return the queries beyond the generic ones."""
    return [Service(ORGANIZATION.services[1], OrganizationQueries(ORGANIZATION, resources))]
