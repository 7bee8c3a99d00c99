"""What every kind does alike: create, read, change and delete, and each of them done wrongly."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import sdk_cases_inputs as inputs
from ai.stigmer.commons.apiresource import io_pb2
from sdk_cases_recording import case, code_of, codes
from stigmer._gen._apikey import ApiKeyInput
from stigmer._gen._executioncontext import ExecutionContextInput
from stigmer._gen._memory import MemoryInput
from stigmer._gen._organization import OrganizationInput, OrganizationPreferencesInput
from stigmer._gen._types import ResourceRef

NOWHERE = "xyz_01jd2v0000000000000000000"
NAMED_BY_THE_SERVER = {"api_keys", "memorys"}
EVERY_AREA = (
    "agents",
    "agent_executions",
    "agent_instances",
    "api_keys",
    "artifacts",
    "environments",
    "execution_contexts",
    "mcp_servers",
    "memorys",
    "organizations",
    "plugins",
    "schedules",
    "sessions",
    "skills",
    "workflows",
    "workflow_executions",
    "workflow_instances",
)


def makers(client):
    """Return what makes a valid input of every kind that is created by one, by its client."""
    owner = client.agents.apply(inputs.agent("owner"))
    owned = client.workflows.apply(inputs.workflow("owned"))
    preferences = OrganizationPreferencesInput(memory_enabled=True)
    client.organizations.apply(OrganizationInput(name="Local", org="local", slug="local", preferences=preferences))
    return {
        "agents": inputs.agent,
        "agent_instances": partial(inputs.agent_instance, agent_id=owner.metadata.id),
        "api_keys": lambda name: ApiKeyInput(name=name, org="local", never_expires=True),
        "environments": inputs.environment,
        "execution_contexts": lambda name: ExecutionContextInput(name=name, org="local", execution_id=f"wex_{name}"),
        "mcp_servers": inputs.mcp_server,
        "memorys": lambda name: MemoryInput(name=name, org="local", content="likes tea"),
        "organizations": lambda name: OrganizationInput(name=name, org="", description="of many"),
        "schedules": partial(inputs.schedule, slug="owner"),
        "sessions": inputs.session,
        "workflows": inputs.workflow,
        "workflow_instances": partial(inputs.workflow_instance, workflow_id=owned.metadata.id),
    }


@case
def kinds_are_created_and_read(client):
    for area, make in makers(client).items():
        rpcs = getattr(client, area)
        made = rpcs.create(make("Made Once"))
        read = rpcs.get(made.metadata.id)
        yield f"{area} slug", made.metadata.slug, "made-once"
        yield f"{area} read", (read.metadata, read.status) == (made.metadata, made.status), True
        wrong = [(rpcs.create, replace(make("x"), slug="7 dwarfs"))]
        wrong += [(rpcs.create, replace(make("lab"), labels={"stigmer.ai/x": "y"}))]
        wrong += [] if area in NAMED_BY_THE_SERVER else [(rpcs.create, make(""))]
        yield from codes("INVALID_ARGUMENT", *wrong)
        yield f"{area} twice", code_of(rpcs.create, make("Made Once")), "ALREADY_EXISTS"


@case
def kinds_are_changed(client):
    for area, make in makers(client).items():
        rpcs = getattr(client, area)
        made = rpcs.create(make("Changed"))
        if not hasattr(rpcs, "update"):
            continue
        changed = rpcs.update(replace(make("Changed"), labels={"team": "a"}))
        yield f"{area} changed", (changed.metadata.id, dict(changed.metadata.labels)), (made.metadata.id, {"team": "a"})
        audit = changed.status.audit.spec_audit
        yield f"{area} audit", (audit.event, audit.created_by.id, audit.updated_by.id), ("updated", "local", "local")
        yield f"{area} unknown", code_of(rpcs.update, make("unknown-one")), "NOT_FOUND"
        yield f"{area} nobody", code_of(rpcs.update, make("")), "INVALID_ARGUMENT"


@case
def kinds_are_applied(client):
    for area, make in makers(client).items():
        rpcs = getattr(client, area)
        if not hasattr(rpcs, "apply"):
            continue
        first = rpcs.apply(make("Applied"))
        yield f"{area} nameless", code_of(rpcs.apply, make("")), "INVALID_ARGUMENT"
        if area == "execution_contexts":
            yield f"{area} again", code_of(rpcs.apply, make("Applied")), "ALREADY_EXISTS"
            continue
        yield f"{area} again", rpcs.apply(make("Applied")).metadata.id, first.metadata.id


@case
def kinds_are_found_by_reference(client):
    for area, make in makers(client).items():
        rpcs = getattr(client, area)
        made = rpcs.create(make("Referenced"))
        if not hasattr(rpcs, "get_by_reference"):
            continue
        yield f"{area} found", rpcs.get_by_reference(inputs.ref("referenced")).metadata.id, made.metadata.id
        yield f"{area} unknown", code_of(rpcs.get_by_reference, inputs.ref("nowhere")), "NOT_FOUND"
        yield (
            f"{area} elsewhere",
            code_of(rpcs.get_by_reference, ResourceRef(org="elsewhere", slug="referenced")),
            "NOT_FOUND",
        )
        yield f"{area} nothing", code_of(rpcs.get_by_reference, ResourceRef(org="local")), "INVALID_ARGUMENT"


@case
def kinds_are_shown_and_hidden(client):
    for area, make in makers(client).items():
        rpcs = getattr(client, area)
        if not hasattr(rpcs, "update_visibility"):
            continue
        made = rpcs.create(make("Shown"))
        levels = [inputs.PRIVATE, inputs.ORG]
        seen = [rpcs.update_visibility(_visible(made, level)).metadata.visibility for level in levels]
        yield f"{area} levels", seen, levels
        yield from codes(
            "INVALID_ARGUMENT",
            (rpcs.update_visibility, _visible(made, 0)),
            (rpcs.update_visibility, _visible(made, inputs.PUBLIC)),
        )
        nobody = io_pb2.UpdateVisibilityInput(resource_id=NOWHERE, visibility=inputs.ORG)
        yield f"{area} unknown", code_of(rpcs.update_visibility, nobody), "NOT_FOUND"


@case
def kinds_are_deleted(client):
    for area, make in makers(client).items():
        rpcs = getattr(client, area)
        made = rpcs.create(make("Deleted"))
        deleted = rpcs.delete(inputs.deletion(area, made.metadata.id))
        yield f"{area} deleted", deleted.metadata.id, made.metadata.id
        yield f"{area} gone", code_of(rpcs.get, made.metadata.id), "NOT_FOUND"
        yield f"{area} again", code_of(rpcs.delete, inputs.deletion(area, made.metadata.id)), "NOT_FOUND"
        yield f"{area} anew", rpcs.create(make("Deleted")).metadata.slug, "deleted"


@case
def what_is_not_there_is_not_found(client):
    for area in EVERY_AREA:
        rpcs = getattr(client, area)
        delete = partial(inputs.deletion, area)
        yield from codes("NOT_FOUND", (rpcs.get, NOWHERE), (rpcs.delete, delete(NOWHERE)))
        yield from codes("INVALID_ARGUMENT", (rpcs.get, ""), (rpcs.delete, delete("")))


def _visible(resource, level):
    return io_pb2.UpdateVisibilityInput(resource_id=resource.metadata.id, visibility=level)
