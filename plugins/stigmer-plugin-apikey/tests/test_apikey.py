"""API keys over the API, in process, on a real database."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import grpc
import pytest
from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey
from ai.stigmer.iam.apikey.v1.io_pb2 import ApiKeyHash, ApiKeyId
from google.protobuf.empty_pb2 import Empty

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.testing.installation import installation

COMMAND = "ai.stigmer.iam.apikey.v1.ApiKeyCommandController"
QUERY = "ai.stigmer.iam.apikey.v1.ApiKeyQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
HOUR = 3600


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path, plugins=("apikey",)) as opened:
        yield opened


def key(name="", **spec):
    one = ApiKey(api_version="iam.stigmer.ai/v1", kind="ApiKey", spec=spec)
    one.metadata.name = name
    return one


def hash_of(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


async def refused(awaitable):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await awaitable
    return caught.value


async def test_create_shows_the_key_once_and_stores_its_hash(api):
    """`stk_` and 43 characters in the first answer, base64url of the SHA-256 in the second one."""
    made = await api.call(COMMAND, "create", key("ci"))

    plain = made.spec.key_hash
    stored = await api.call(QUERY, "get", ApiKeyId(value=made.metadata.id))
    assert re.fullmatch(r"stk_[A-Za-z0-9_-]{43}", plain)
    assert re.fullmatch(r"key_[0-9a-z]{26}", made.metadata.id)
    assert (stored.spec.key_hash, stored.spec.fingerprint) == (hash_of(plain), plain[-6:])
    assert made.spec.fingerprint == plain[-6:]
    assert made.status.audit.spec_audit.event == "created"


async def test_what_a_client_sends_as_material_is_dropped(api):
    """Neither a hash nor a use can be brought along."""
    asked = key("ci", key_hash=hash_of("stk_mine"), fingerprint="forged")
    asked.status.last_used_at.seconds = 1

    made = await api.call(COMMAND, "create", asked)

    assert made.spec.key_hash.startswith("stk_")
    assert made.spec.fingerprint == made.spec.key_hash[-6:]
    assert not made.status.HasField("last_used_at")
    probe = await refused(api.call(QUERY, "getByKeyHash", ApiKeyHash(value=hash_of("stk_mine"))))
    assert probe.code() == grpc.StatusCode.NOT_FOUND


async def test_a_key_without_metadata_is_given_a_name(api):
    """Two of them do not collide."""
    bare = ApiKey(api_version="iam.stigmer.ai/v1", kind="ApiKey")

    made = [await api.call(COMMAND, "create", bare) for _ in range(2)]

    assert len({one.metadata.slug for one in made}) == 2
    assert all(one.metadata.name.startswith("api-key-") for one in made)


async def test_an_update_changes_the_expiry_and_never_the_material(api):
    """Forged material is neither stored nor does it wipe what is stored."""
    made = await api.call(COMMAND, "create", key("ci"))
    changed = key("renamed", key_hash=hash_of("stk_mine"), fingerprint="forged", never_expires=True)
    changed.metadata.id, changed.spec.expires_at.seconds = made.metadata.id, 2_000_000_000

    updated = await api.call(COMMAND, "update", changed)

    assert updated.spec.key_hash == hash_of(made.spec.key_hash)
    assert updated.spec.fingerprint == made.spec.fingerprint
    assert (updated.spec.never_expires, updated.spec.expires_at.seconds) == (True, 2_000_000_000)
    assert updated.metadata.name == "renamed"
    assert updated.status.audit.spec_audit.event == "updated"
    assert await api.call(QUERY, "get", ApiKeyId(value=made.metadata.id)) == updated


async def test_a_key_is_found_by_its_hash_with_or_without_padding(api):
    """Base64 of 32 bytes has one character of padding, which many libraries write."""
    made = await api.call(COMMAND, "create", key("ci"))
    value = hash_of(made.spec.key_hash)

    found = [await api.call(QUERY, "getByKeyHash", ApiKeyHash(value=one)) for one in (value, value + "=")]

    assert {one.metadata.id for one in found} == {made.metadata.id}


async def test_the_key_itself_is_no_hash(api):
    """Sending it is refused, and the refusal does not repeat it."""
    made = await api.call(COMMAND, "create", key("ci"))

    error = await refused(api.call(QUERY, "getByKeyHash", ApiKeyHash(value=made.spec.key_hash)))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert made.spec.key_hash not in error.details()


async def test_find_all_lists_the_keys_of_the_caller(api):
    """Newest first, without those that somebody else made."""
    names = ["first", "second", "third"]
    made = [await api.call(COMMAND, "create", key(name)) for name in names]
    kind = api.app.resources.kind("ApiKey")

    def hand_over(tx):
        other = api.app.resources.get_in(tx, kind, made[1].metadata.id)
        other.status.audit.spec_audit.created_by.id = "alice"
        api.app.resources.save_in(tx, kind, other, slot=None)

    await api.app.store.run(hand_over)

    found = await api.call(QUERY, "findAll", Empty())

    assert [one.metadata.name for one in found.entries] == ["third", "first"]
    assert found.entries[0].spec.key_hash == hash_of(made[2].spec.key_hash)


async def test_a_deleted_key_is_gone_from_every_query(api):
    """The answer is its last state, with the hash."""
    made = await api.call(COMMAND, "create", key("ci"))

    deleted = await api.call(COMMAND, "delete", ApiKeyId(value=made.metadata.id))

    assert deleted.spec.key_hash == hash_of(made.spec.key_hash)
    assert (await refused(api.call(QUERY, "get", ApiKeyId(value=made.metadata.id)))).code() == (
        grpc.StatusCode.NOT_FOUND
    )
    by_hash = await refused(api.call(QUERY, "getByKeyHash", ApiKeyHash(value=deleted.spec.key_hash)))
    assert by_hash.code() == grpc.StatusCode.NOT_FOUND
    assert list((await api.call(QUERY, "findAll", Empty())).entries) == []


def unknown(name="", **spec):
    one = key(name, **spec)
    one.metadata.id = "key_00000000000000000000000000"
    return one


REFUSALS = {
    "a taken name": (COMMAND, "create", key("taken"), grpc.StatusCode.ALREADY_EXISTS),
    "a time that is over": (COMMAND, "create", key("a1", expires_at={"seconds": 1}), grpc.StatusCode.INVALID_ARGUMENT),
    "no time": (COMMAND, "create", key("a1", expires_at={"seconds": 10**15}), grpc.StatusCode.INVALID_ARGUMENT),
    "a name that gives no slug": (COMMAND, "create", key("?"), grpc.StatusCode.INVALID_ARGUMENT),
    "another api version": (COMMAND, "create", ApiKey(api_version="v2"), grpc.StatusCode.INVALID_ARGUMENT),
    "an update of nothing": (COMMAND, "update", key(), grpc.StatusCode.INVALID_ARGUMENT),
    "an update of an unknown key": (COMMAND, "update", unknown(), grpc.StatusCode.NOT_FOUND),
    "an update to no time": (
        COMMAND,
        "update",
        key("taken", expires_at={"nanos": -1}),
        grpc.StatusCode.INVALID_ARGUMENT,
    ),
    "an unknown id": (QUERY, "get", ApiKeyId(value=unknown().metadata.id), grpc.StatusCode.NOT_FOUND),
    "no id": (QUERY, "get", ApiKeyId(), grpc.StatusCode.INVALID_ARGUMENT),
    "no id to delete": (COMMAND, "delete", ApiKeyId(), grpc.StatusCode.INVALID_ARGUMENT),
    "an unknown key to delete": (COMMAND, "delete", ApiKeyId(value="key_none"), grpc.StatusCode.NOT_FOUND),
    "no hash": (QUERY, "getByKeyHash", ApiKeyHash(), grpc.StatusCode.INVALID_ARGUMENT),
    "an unknown hash": (QUERY, "getByKeyHash", ApiKeyHash(value="none"), grpc.StatusCode.NOT_FOUND),
}


@pytest.mark.parametrize(("service", "rpc", "request_", "code"), REFUSALS.values(), ids=REFUSALS)
async def test_a_wrong_request_has_its_code(api, service, rpc, request_, code):
    """As the API's table of codes says."""
    await api.call(COMMAND, "create", key("taken"))

    assert (await refused(api.call(service, rpc, request_))).code() == code


@pytest.mark.parametrize("there", [False, True])
async def test_a_document_makes_or_changes_no_key(api, there):
    """Nobody would ever see a key that it made: refused in words, nothing is written."""
    before = [await api.call(COMMAND, "create", key("ci"))] if there else []
    document = {"apiVersion": "iam.stigmer.ai/v1", "kind": "ApiKey", "metadata": {"name": "ci"}}

    error = await refused(api.call(RESOURCES, "Apply", documents.ApplyRequest(json=json.dumps(document))))

    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "not applied" in error.details()
    assert len((await api.call(QUERY, "findAll", Empty())).entries) == len(before)
