"""Organizations, keys, memories, variables, search, and what the SDK can ask that nobody here serves."""

from __future__ import annotations

import base64
import hashlib

import sdk_cases_inputs as inputs
from ai.stigmer.agentic.environment.v1 import io_pb2 as environment_pb2
from ai.stigmer.agentic.executioncontext.v1 import io_pb2 as context_pb2
from ai.stigmer.agentic.memory.v1 import enum_pb2 as memory_enum
from ai.stigmer.agentic.memory.v1 import io_pb2 as memory_pb2
from ai.stigmer.commons.apiresource import io_pb2
from ai.stigmer.iam.apikey.v1 import io_pb2 as key_pb2
from ai.stigmer.tenancy.organization.v1 import io_pb2 as organization_pb2
from sdk_cases_recording import case, code_of, codes
from stigmer import StigmerClient
from stigmer._gen._apikey import ApiKeyInput
from stigmer._gen._errors import is_unimplemented
from stigmer._gen._memory import MemoryInput
from stigmer._gen._organization import OrganizationInput, OrganizationPreferencesInput
from stigmer._gen._types import EnvVarInput, Page
from stigmer._github import GetOAuthAuthorizeUrlParams
from stigmer._search import SearchParams


@case
def organizations(client):
    rpcs = client.organizations
    one = rpcs.create(OrganizationInput(name="Acme Inc", org="acme-inc", description="first"))
    again = rpcs.apply(OrganizationInput(name="Acme Inc", org="acme-inc", description="second"))
    yield "id", (one.metadata.id, again.metadata.id), ("acme-inc", "acme-inc")
    yield "described", rpcs.get("acme-inc").spec.description, "second"
    yield "mine", "acme-inc" in [o.metadata.id for o in rpcs.find_my_organizations().entries], True
    found = rpcs.find(io_pb2.FindApiResourcesRequest(org="local", page={"num": 1, "size": 1}))
    yield "found", (len(found.entries), found.total_pages > 1), (1, True)
    tenant = inputs.environment("tenant's")
    tenant.org = "acme-inc"
    owned = client.environments.create(tenant)
    yield "not empty", code_of(rpcs.delete, "acme-inc"), "FAILED_PRECONDITION"
    client.environments.delete(inputs.deletion("environments", owned.metadata.id))
    yield "deleted", rpcs.delete("acme-inc").metadata.id, "acme-inc"
    yield "nobody", code_of(rpcs.find, io_pb2.FindApiResourcesRequest()), "INVALID_ARGUMENT"
    reference = io_pb2.ApiResourceReference(org="local", kind=21, slug="idp")
    outside = organization_pb2.OrganizationExternalLookup(identity_provider_ref=reference, external_org_id="x")
    yield "outside", code_of(rpcs.get_by_external_org_id, outside), "UNIMPLEMENTED"


@case
def environments(client):
    rpcs = client.environments
    made = rpcs.create(inputs.environment("secrets", labels={"stage": "secret"}))
    key = environment_pb2.EnvironmentSecretValueInput(environment_id=made.metadata.id, key="TOKEN")
    yield "hidden", ("sesame" in str(made), made.spec.data["URL"].value), (False, "https://x")
    yield "shown", rpcs.get_secret_value(key).value, "sesame"
    merge = environment_pb2.UpdateEnvironmentVariablesRequest(environment_id=made.metadata.id)
    merge.variables["MORE"].value = "x"
    yield "merged", sorted(rpcs.update_variables(merge).spec.data), ["MORE", "TOKEN", "URL"]
    less = environment_pb2.RemoveEnvironmentVariablesRequest(environment_id=made.metadata.id, keys=["MORE", "NONE"])
    yield "removed", sorted(rpcs.remove_variables(less).spec.data), ["TOKEN", "URL"]
    asked = environment_pb2.ListEnvironmentsRequest(org="local", labels={"stage": "secret"})
    yield "listed", [one.metadata.slug for one in rpcs.list(asked).items], ["secrets"]
    key.key = "NONE"
    merge.environment_id = less.environment_id = "env_none"
    lost = ((rpcs.get_secret_value, key), (rpcs.update_variables, merge), (rpcs.remove_variables, less))
    yield from codes("NOT_FOUND", *lost)


@case
def environment_errors(client):
    rpcs = client.environments
    bad = inputs.environment("bad name")
    bad.data["A=B"] = EnvVarInput(value="x")
    yield from codes(
        "INVALID_ARGUMENT",
        (rpcs.create, bad),
        (rpcs.get_secret_value, environment_pb2.EnvironmentSecretValueInput()),
        (rpcs.update_variables, environment_pb2.UpdateEnvironmentVariablesRequest()),
        (rpcs.remove_variables, environment_pb2.RemoveEnvironmentVariablesRequest(environment_id="e")),
        (rpcs.list, environment_pb2.ListEnvironmentsRequest()),
    )
    by_execution = client.execution_contexts.get_by_execution_id
    nobody = context_pb2.ExecutionContextExecutionIdInput(execution_id="wex_none")
    yield "no context", code_of(by_execution, nobody), "NOT_FOUND"
    yield "no run", code_of(by_execution, context_pb2.ExecutionContextExecutionIdInput()), "INVALID_ARGUMENT"


@case
def api_keys(client):
    rpcs = client.api_keys
    made = rpcs.create(ApiKeyInput(name="laptop", org="local", never_expires=True))
    digest = base64.urlsafe_b64encode(hashlib.sha256(made.spec.key_hash.encode()).digest()).decode()
    read = rpcs.get(made.metadata.id)
    yield "key", (made.spec.key_hash[:4], len(made.spec.key_hash)), ("stk_", 47)
    yield (
        "never again",
        (read.spec.key_hash.rstrip("="), read.spec.fingerprint),
        (digest.rstrip("="), made.spec.key_hash[-6:]),
    )
    yield "by hash", rpcs.get_by_key_hash(key_pb2.ApiKeyHash(value=digest)).metadata.id, made.metadata.id
    yield "all", made.metadata.id in [one.metadata.id for one in rpcs.find_all().entries], True
    with StigmerClient(made.spec.key_hash, base_url=client.address, insecure=True) as other:
        yield "opens", other.api_keys.get(made.metadata.id).metadata.id, made.metadata.id
        rpcs.delete(made.metadata.id)
        yield "no more", code_of(other.api_keys.get, made.metadata.id), "UNAUTHENTICATED"
    past = ApiKeyInput(name="old", org="local", expires_at="2020-01-01T00:00:00Z")
    yield from codes("INVALID_ARGUMENT", (rpcs.create, past), (rpcs.get_by_key_hash, key_pb2.ApiKeyHash()))
    yield (
        "the key itself",
        code_of(rpcs.get_by_key_hash, key_pb2.ApiKeyHash(value=made.spec.key_hash)),
        "INVALID_ARGUMENT",
    )
    yield "unknown", code_of(rpcs.get_by_key_hash, key_pb2.ApiKeyHash(value=digest)), "NOT_FOUND"


@case
def memories(client):
    rpcs = client.memorys
    willing = OrganizationPreferencesInput(memory_enabled=True)
    client.organizations.apply(OrganizationInput(name="Willing", org="willing", preferences=willing))
    client.organizations.apply(OrganizationInput(name="Unwilling", org="unwilling"))
    made = [rpcs.create(MemoryInput(name="", org="willing", content=f"likes {what}")) for what in ("tea", "rain")]
    yield "proposed", made[0].status.lifecycle_state, memory_enum.lifecycle_state_proposed
    yield "confirmed", rpcs.confirm(made[0].metadata.id).status.lifecycle_state, memory_enum.lifecycle_state_confirmed
    yield "rejected", rpcs.reject(made[1].metadata.id).status.lifecycle_state, memory_enum.lifecycle_state_rejected
    listed = rpcs.list(memory_pb2.ListMemoriesRequest(org="willing"))
    yield "listed", [one.spec.content for one in listed.items], ["likes rain", "likes tea"]
    unwilling = MemoryInput(name="", org="unwilling", content="likes tea")
    yield from codes(
        "FAILED_PRECONDITION",
        (rpcs.reject, made[0].metadata.id),
        (rpcs.confirm, made[1].metadata.id),
        (rpcs.create, unwilling),
    )
    yield from codes("NOT_FOUND", (rpcs.confirm, "mem_none"), (rpcs.reject, "mem_none"))
    long = MemoryInput(name="", org="willing", content="x" * 501)
    empty = MemoryInput(name="", org="willing")
    nobody = memory_pb2.ListMemoriesRequest()
    yield from codes("INVALID_ARGUMENT", (rpcs.create, long), (rpcs.create, empty), (rpcs.list, nobody))


@case
def searching_everything(client):
    for number in range(2):
        client.agents.create(inputs.agent(f"diver {number}", description="looks for corals"))
    client.environments.create(inputs.environment("reef", description="corals are here"))
    query = client.search.query
    yield "agents", query(SearchParams(kinds=[40], org="local", query="corals")).total_count, 2
    yield "prefix", query(SearchParams(kinds=[40], org="local", query="cora")).total_count, 2
    every = query(SearchParams(kinds=[], org="local", query="corals", page=Page(num=1, size=2)))
    yield "every kind", (every.total_count, every.total_pages, len(every.entries)), (3, 2, 2)
    yield "elsewhere", query(SearchParams(kinds=[40], org="other", query="corals")).total_count, 0
    yield "not searchable", query(SearchParams(kinds=[56], org="local", query="corals")).total_count, 0
    yield "nonsense", query(SearchParams(kinds=[], org="local", query='" OR * NEAR(')).total_count, 0
    yield "too long", code_of(query, SearchParams(kinds=[], org="local", query="x" * 501)), "INVALID_ARGUMENT"


@case
def what_other_editions_have(client):
    """The SDK's own test for a missing RPC says so; nothing hangs or breaks."""
    calls = {
        "cloud": lambda: client.billing.get_credit_balance("local"),
        "enterprise": lambda: client.teams.get("tm_1"),
        "nobody yet": lambda: client.github.get_oauth_authorize_url(GetOAuthAuthorizeUrlParams("https://x")),
        "identity": lambda: client.identity_accounts.get("ida_1"),
    }
    for what, call in calls.items():
        try:
            call()
        except Exception as error:  # noqa: BLE001 - the claim is which one it is
            yield what, (is_unimplemented(error), len(str(error).split()) > 5), (True, True)
        else:
            yield what, "answered", "refused"
