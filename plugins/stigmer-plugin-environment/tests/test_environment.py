"""Environments and execution contexts through the API: secrets are kept, redacted, revealed once, and encrypted."""

from __future__ import annotations

import grpc
import pytest
from ai.stigmer.agentic.environment.v1 import io_pb2
from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
from ai.stigmer.agentic.executioncontext.v1.api_pb2 import ExecutionContext
from ai.stigmer.agentic.executioncontext.v1.io_pb2 import ExecutionContextExecutionIdInput
from ai.stigmer.commons.apiresource.io_pb2 import ApiResourceDeleteInput, ApiResourceId, ApiResourceReference

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.resources import REDACTED
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.agentic.environment.v1.EnvironmentCommandController"
QUERY = "ai.stigmer.agentic.environment.v1.EnvironmentQueryController"
CONTEXT_COMMAND = "ai.stigmer.agentic.executioncontext.v1.ExecutionContextCommandController"
CONTEXT_QUERY = "ai.stigmer.agentic.executioncontext.v1.ExecutionContextQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
CANARY = "canary-b8f2d6e4"


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path / "home") as api:
        yield api


def environment(name="staging", **values):
    made = Environment(api_version="agentic.stigmer.ai/v1", kind="Environment")
    made.metadata.name, made.metadata.org = name, "local"
    for key, value in values.items():
        made.spec.data[key].value, made.spec.data[key].is_secret = value, key.startswith("SECRET")
    return made


def context(execution_id="aex_1", **values):
    made = ExecutionContext(api_version="agentic.stigmer.ai/v1", kind="ExecutionContext")
    made.metadata.name, made.metadata.org, made.spec.execution_id = "ctx", "local", execution_id
    for key, value in values.items():
        made.spec.data[key].value, made.spec.data[key].is_secret = value, key.startswith("SECRET")
    return made


async def code_of(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value.code().name


async def secret(api, environment_id, key):
    request = io_pb2.EnvironmentSecretValueInput(environment_id=environment_id, key=key)
    return await api.call(QUERY, "getSecretValue", request)


async def test_every_read_is_redacted(api):
    """Create, get, reference, list, search's document and the JSON document: the marker, never the value."""
    made = await api.call(COMMAND, "create", environment(SECRET=CANARY, PLAIN="seen"))
    reference = ApiResourceReference(org="local", kind=53, slug="staging")

    answers = [
        made,
        await api.call(QUERY, "get", ApiResourceId(value=made.metadata.id)),
        await api.call(QUERY, "getByReference", reference),
        await api.call(QUERY, "list", io_pb2.ListEnvironmentsRequest(org="local")),
        await api.call(RESOURCES, "Get", documents.GetRequest(kind="Environment", name="staging")),
    ]

    assert all(CANARY not in str(answer) for answer in answers)
    assert made.spec.data["SECRET"].value == REDACTED
    assert made.spec.data["PLAIN"].value == "seen"


async def test_one_rpc_reveals_a_secret(api):
    """`getSecretValue` answers the value; a variable that is none is NOT_FOUND."""
    made = await api.call(COMMAND, "create", environment(SECRET=CANARY, PLAIN="seen"))

    assert (await secret(api, made.metadata.id, "SECRET")).value == CANARY
    assert (await secret(api, made.metadata.id, "PLAIN")).value == "seen"
    assert await code_of(secret(api, made.metadata.id, "OTHER")) == "NOT_FOUND"
    assert await code_of(secret(api, "env_none", "SECRET")) == "NOT_FOUND"


async def test_no_file_of_the_home_holds_a_secret(tmp_path):
    """Neither the database nor its WAL nor anything else, in plain."""
    async with installation(tmp_path / "home") as api:
        made = await api.call(COMMAND, "create", environment(SECRET=CANARY))
        files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]

        assert all(CANARY.encode() not in path.read_bytes() for path in files)
        assert (await secret(api, made.metadata.id, "SECRET")).value == CANARY


async def test_the_marker_keeps_what_is_stored(api):
    """By update, apply and updateVariables; other variables take their new values."""
    made = await api.call(COMMAND, "create", environment(SECRET=CANARY, PLAIN="one"))
    made.spec.data["PLAIN"].value = "two"

    updated = await api.call(COMMAND, "update", made)
    applied = await api.call(COMMAND, "apply", updated)
    request = io_pb2.UpdateEnvironmentVariablesRequest(environment_id=made.metadata.id)
    request.variables["SECRET"].value = REDACTED
    await api.call(COMMAND, "updateVariables", request)

    assert applied.spec.data["PLAIN"].value == "two"
    assert (await secret(api, made.metadata.id, "SECRET")).value == CANARY


@pytest.mark.parametrize("is_secret", [True, False])
async def test_the_marker_for_a_variable_without_a_secret_is_refused(api, is_secret):
    """INVALID_ARGUMENT, and nothing changes: it would be stored as a value otherwise."""
    made = await api.call(COMMAND, "create", environment(PLAIN="one"))
    request = io_pb2.UpdateEnvironmentVariablesRequest(environment_id=made.metadata.id)
    request.variables["NEW"].value, request.variables["NEW"].is_secret = REDACTED, is_secret

    assert await code_of(api.call(COMMAND, "updateVariables", request)) == "INVALID_ARGUMENT"
    assert await code_of(api.call(COMMAND, "create", environment("other", SECRET=REDACTED))) == "INVALID_ARGUMENT"
    stored = await api.call(QUERY, "get", ApiResourceId(value=made.metadata.id))
    assert list(stored.spec.data) == ["PLAIN"]


async def test_variables_are_merged_and_removed(api):
    """What is not named stays; removing what is not there is fine."""
    made = await api.call(COMMAND, "create", environment(SECRET=CANARY, PLAIN="one"))
    update = io_pb2.UpdateEnvironmentVariablesRequest(environment_id=made.metadata.id)
    update.variables["ADDED"].value = "three"
    remove = io_pb2.RemoveEnvironmentVariablesRequest(environment_id=made.metadata.id, keys=["PLAIN", "NONE"])

    await api.call(COMMAND, "updateVariables", update)
    left = await api.call(COMMAND, "removeVariables", remove)

    assert sorted(left.spec.data) == ["ADDED", "SECRET"]
    assert (await secret(api, made.metadata.id, "SECRET")).value == CANARY


async def test_a_removed_secret_is_gone(api):
    """Putting the name back with the marker does not bring the old value back."""
    made = await api.call(COMMAND, "create", environment(SECRET=CANARY))
    remove = io_pb2.RemoveEnvironmentVariablesRequest(environment_id=made.metadata.id, keys=["SECRET"])
    await api.call(COMMAND, "removeVariables", remove)
    request = io_pb2.UpdateEnvironmentVariablesRequest(environment_id=made.metadata.id)
    request.variables["SECRET"].value, request.variables["SECRET"].is_secret = REDACTED, True

    assert await code_of(api.call(COMMAND, "updateVariables", request)) == "INVALID_ARGUMENT"


async def test_a_deleted_environment_leaves_no_secret(api):
    """Its rows in the vault go with it."""
    made = await api.call(COMMAND, "create", environment(SECRET=CANARY))
    await api.call(COMMAND, "delete", ApiResourceDeleteInput(resource_id=made.metadata.id))

    left = api.app.store.read(lambda reader: reader.execute("SELECT count(*) FROM secrets"))

    assert left == [(0,)]


@pytest.mark.parametrize("name", ["A=B", "NUL\0", "", "x" * 256])
async def test_a_name_that_no_process_could_have_is_refused(api, name):
    """INVALID_ARGUMENT at its place."""
    assert await code_of(api.call(COMMAND, "create", environment(**{name: "v"}))) == "INVALID_ARGUMENT"


async def test_environments_are_listed_by_label_and_page(api):
    """Newest first, with the true total."""
    for number in range(5):
        made = environment(f"env-{number}")
        made.metadata.labels["even"] = str(number % 2 == 0)
        await api.call(COMMAND, "create", made)
    request = io_pb2.ListEnvironmentsRequest(org="local", labels={"even": "True"})
    request.page_info.num, request.page_info.size = 2, 2

    page = await api.call(QUERY, "list", request)

    assert (page.total_count, [item.metadata.name for item in page.items]) == (3, ["env-0"])


async def test_a_context_is_found_by_its_run_and_redacted(api):
    """What a runner asks for; an unknown run is NOT_FOUND."""
    made = await api.call(CONTEXT_COMMAND, "create", context(SECRET=CANARY, PLAIN="seen"))

    found = await api.call(CONTEXT_QUERY, "getByExecutionId", ExecutionContextExecutionIdInput(execution_id="aex_1"))

    assert found == made
    assert found.spec.data["SECRET"].value == REDACTED
    missing = ExecutionContextExecutionIdInput(execution_id="aex_2")
    assert await code_of(api.call(CONTEXT_QUERY, "getByExecutionId", missing)) == "NOT_FOUND"


async def test_a_context_does_not_change(api):
    """Applying over it is ALREADY_EXISTS; a document of it is not taken, and there is no update."""
    await api.call(CONTEXT_COMMAND, "apply", context(PLAIN="one"))
    document = documents.ApplyRequest(
        json='{"apiVersion":"agentic.stigmer.ai/v1","kind":"ExecutionContext","metadata":{"name":"ctx"},'
        '"spec":{"executionId":"aex_1","data":{"PLAIN":{"value":"two"}}}}'
    )

    assert await code_of(api.call(CONTEXT_COMMAND, "apply", context(PLAIN="two"))) == "ALREADY_EXISTS"
    assert await code_of(api.call(RESOURCES, "Apply", document)) == "INVALID_ARGUMENT"
