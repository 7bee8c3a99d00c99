"""What a kind of resource is: a declaration, and the small steps that make it special."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime, timedelta

    from google.protobuf.message import Message

    from stigmer_core.errors import Problem
    from stigmer_core.program import Json, Runner
    from stigmer_core.resources import Resources
    from stigmer_core.store import Transaction


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the command line's table; `path` is a dotted path into the resource's JSON."""

    name: str
    path: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose resource it is: deleted with the owner of `kind` whose id stands at `path`."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource about to be created or updated, before its transaction: `resource` may still be changed."""

    kind: Kind
    resource: Any  # the kind's message
    creating: bool
    runners: Mapping[str, Runner]


@dataclass(frozen=True, slots=True)
class Change:
    """A write in its transaction. `old` is None on create, `new` is None on delete; `new` may still be changed.

    `cascading` says that the resource goes because its owner does.
    """

    kind: Kind
    tx: Transaction
    resources: Resources
    old: Any
    new: Any
    actor: str
    now: datetime
    cascading: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """A response that is serialised already, such as a stored body: it goes to the wire as it is."""

    body: bytes


Check: TypeAlias = "Callable[[Draft], Sequence[Problem]]"
StepFunction: TypeAlias = "Callable[[Change], None]"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A type of resource, declared by a plugin.

    The message has the envelope `{api_version, kind, metadata, spec, status}`. `services` are the gRPC services that
    the generic pipeline serves for it: `create, update, apply, delete, get, getByReference, updateVisibility`.
    `drawings` are formats of `describe -o`: a name, and `module:function`, which makes text of the resource's JSON.
    """

    name: str
    message: type[Message]
    api_version: str
    id_prefix: str
    plural: str
    description: str
    display_name: str = ""
    short_names: Sequence[str] = ()
    services: Sequence[str] = ()
    columns: Sequence[Column] = ()
    number: int = 0  # in the API's enum ApiResourceKind; 0 for a kind of somebody else's
    org_scoped: bool = True
    id_is_slug: bool = False
    unique_slug: bool = True
    searchable: bool = True
    visibility_levels: Sequence[str] = ("visibility_private",)
    default_visibility: str = "visibility_private"
    verbs: Sequence[str] = ("get", "list", "apply", "delete")
    indexes: Sequence[str] = ()  # dotted paths whose values list the kind quickly
    owners: Sequence[Owner] = ()
    secrets: Sequence[str] = ()  # dotted paths of maps whose entries have `value` and `is_secret`
    apply_order: int = 100  # lower is applied first when a folder is applied
    seeds: Sequence[Mapping[str, Json]] = ()  # manifests that are there from the first start of a home on
    versioned: bool = False  # every new spec is kept: references may name a hash or a tag
    drawings: Mapping[str, str] = field(default_factory=dict)
    adopt: Callable[[Json], Json | None] | None = None  # makes a manifest of a document that names no kind
    # The steps, in the order they run. `check` runs outside the transaction and may be slow; the others run in it.
    check: Check | None = None
    before_write: StepFunction | None = None
    after_write: StepFunction | None = None
    before_delete: StepFunction | None = None
    # Merges what a run's program has published: one status, or several that follow each other.
    publish: Callable[[Transaction, Resources, str, Sequence[Json]], None] | None = None

    def label(self) -> str:
        """Return the name for people: `MCP server`, not `McpServer`."""
        return self.display_name or self.name


def service_names(*modules: Any) -> tuple[str, ...]:
    """Return the full names of the services that generated modules define, in the order of the modules."""
    return tuple(service.full_name for module in modules for service in module.DESCRIPTOR.services_by_name.values())


@dataclass(frozen=True, slots=True)
class Service:
    """A gRPC service, or part of one: `controller` has a method per RPC, named in snake case.

    A unary RPC's method is `async def get_by_agent(self, request) -> response`, a server stream's an async generator.
    RPCs of a kind's service that the controller leaves out are served by the generic pipeline.
    """

    name: str
    controller: object
    methods: Mapping[str, str] = field(default_factory=dict)  # RPC name -> attribute, where they differ


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do again and again while the server runs: first at its start, then `every` so long."""

    name: str
    every: timedelta
    run: Callable[[], Awaitable[None]]
