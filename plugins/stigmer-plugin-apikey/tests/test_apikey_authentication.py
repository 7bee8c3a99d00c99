"""Calls with an API key: by the clock in process, and over a real TCP server."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import grpc
import pytest
from ai.stigmer.iam.apikey.v1.api_pb2 import ApiKey
from ai.stigmer.iam.apikey.v1.io_pb2 import ApiKeyHash, ApiKeyId, ApiKeys
from google.protobuf.empty_pb2 import Empty
from stigmer_plugin_apikey._authentication import KeyAuthenticator, Uses

from stigmer_core.api.v1 import resources_pb2 as documents
from stigmer_core.errors import UnauthenticatedError
from stigmer_core.testing.installation import installation
from stigmer_core.testing.server import ServerProcess

COMMAND = "ai.stigmer.iam.apikey.v1.ApiKeyCommandController"
QUERY = "ai.stigmer.iam.apikey.v1.ApiKeyQueryController"
RESOURCES = "stigmer.core.v1.ResourceService"
LATER = 4_000_000_000


class Clock:
    def __init__(self):
        self.now = 2_000_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
async def api(tmp_path):
    async with installation(tmp_path, plugins=("apikey",)) as opened:
        yield opened


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def authenticate(api, clock):
    return KeyAuthenticator(api.app.resources.kind("ApiKey"), api.app.resources, clock)


@pytest.fixture
def uses(api):
    return Uses(api.app.resources.kind("ApiKey"), api.app.resources)


async def make(api, **spec):
    return await api.call(COMMAND, "create", ApiKey(api_version="iam.stigmer.ai/v1", kind="ApiKey", spec=spec))


async def read(api, made):
    return await api.call(QUERY, "get", ApiKeyId(value=made.metadata.id))


async def test_the_caller_is_the_creator_of_the_key(api, authenticate):
    """Whoever made the key is named in audits, not the key and not the operator."""
    made = await make(api)
    kind = api.app.resources.kind("ApiKey")

    def hand_over(tx):
        key = api.app.resources.get_in(tx, kind, made.metadata.id)
        key.status.audit.spec_audit.created_by.id = "alice"
        api.app.resources.save_in(tx, kind, key, slot=None)

    await api.app.store.run(hand_over)

    caller = authenticate(made.spec.key_hash)

    assert (caller.name, caller.authenticated) == ("alice", True)


@pytest.mark.parametrize("token", ["", "stk_", "stk_" + "A" * 43, "stk_" + "A" * 42, "home-token", "stk_" + "é" * 43])
async def test_any_other_token_is_nobodys(api, authenticate, token):
    """Of a right shape or not: it is left to the other authenticators."""
    await make(api)

    assert authenticate(token) is None


async def test_the_hash_of_a_key_is_no_key(api, authenticate):
    """Who reads the database cannot call with what is in it."""
    made = await read(api, await make(api))

    assert authenticate(made.spec.key_hash) is None
    assert authenticate("stk_" + made.spec.key_hash) is None


async def test_a_key_works_until_it_expires(api, authenticate, clock):
    """From that moment on the refusal says when it was; `never_expires` wins over a time."""
    bounded = await make(api, expires_at={"seconds": LATER})
    unbounded = await make(api, expires_at={"seconds": LATER}, never_expires=True)
    clock.now = LATER - 0.001
    assert authenticate(bounded.spec.key_hash) is not None

    clock.now = LATER

    with pytest.raises(UnauthenticatedError, match="expired at 2096-10-02T07:06:40Z"):
        authenticate(bounded.spec.key_hash)
    assert authenticate(unbounded.spec.key_hash) is not None


async def test_the_use_of_a_key_is_noted_once_a_minute(api, authenticate, clock):
    """Behind the call, without touching the audit: who defined the key, and when, stays readable."""
    made = await make(api)
    noted = []
    with api.app.store.subscribe(made.metadata.id) as subscription:
        for passed in (0, 30, 59, 60):
            clock.now = 2_000_000_000.0 + passed
            authenticate(made.spec.key_hash)
            if passed in (0, 60):
                await subscription.wait()
            noted.append((await read(api, made)).status.last_used_at.seconds - 2_000_000_000)

    assert noted == [0, 0, 0, 60]
    assert (await read(api, made)).status.audit == made.status.audit


async def test_a_restart_does_not_note_a_use_again(api, authenticate, clock):
    """The minute counts from what is stored."""
    made = await make(api)
    with api.app.store.subscribe(made.metadata.id) as subscription:
        authenticate(made.spec.key_hash)
        await subscription.wait()
    clock.now += 30
    restarted = KeyAuthenticator(api.app.resources.kind("ApiKey"), api.app.resources, clock)

    restarted(made.spec.key_hash)

    assert not restarted._uses._tasks


async def test_a_key_that_goes_while_its_use_is_noted_stays_gone(api, uses):
    """The write behind the call finds nothing and makes nothing."""
    made = await make(api)
    await api.call(COMMAND, "delete", ApiKeyId(value=made.metadata.id))

    uses.note(made, 2_000_000_000.0)
    await asyncio.gather(*uses._tasks)

    assert list((await api.call(QUERY, "findAll", Empty())).entries) == []


async def test_a_use_that_cannot_be_noted_is_logged(api, uses, caplog):
    """A full disk or a stopping server is no reason to refuse the call, or to leave a task that failed unseen."""
    made = await make(api)
    api.app.store.close()

    uses.note(made, 2_000_000_000.0)
    await asyncio.gather(*uses._tasks)

    assert f"use of api key not noted key={made.metadata.id}" in caplog.text


@pytest.fixture
def server():
    home = Path(tempfile.mkdtemp(prefix="stg"))
    with ServerProcess(home, options=["--log-level", "debug", "--plugins", "apikey"]) as process:
        yield process
    shutil.rmtree(home)


def call(channel, path, request, answer, token):
    method = channel.unary_unary(f"/{path}", type(request).SerializeToString, answer.FromString)
    return method(request, metadata=[("authorization", f"Bearer {token}")])


def code_of(channel, token):
    try:
        call(channel, f"{QUERY}/findAll", Empty(), ApiKeys, token)
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def made_over(channel, token):
    request = ApiKey(api_version="iam.stigmer.ai/v1", kind="ApiKey")
    return call(channel, f"{COMMAND}/create", request, ApiKey, token)


def test_over_tcp_a_key_works_until_it_expires_or_is_deleted(server):
    """Both take effect with the very next call; a key may make and end keys."""
    with grpc.insecure_channel(server.address) as channel:
        first, second = (made_over(channel, server.token) for _ in range(2))
        plain, other = first.spec.key_hash, second.spec.key_hash
        works = code_of(channel, plain)

        first.spec.expires_at.seconds = 1
        call(channel, f"{COMMAND}/update", first, ApiKey, other)
        expired = code_of(channel, plain)
        call(channel, f"{COMMAND}/delete", ApiKeyId(value=second.metadata.id), ApiKey, other)
        deleted = code_of(channel, other)

    assert works == (grpc.StatusCode.OK, "")
    assert expired[0] == deleted[0] == grpc.StatusCode.UNAUTHENTICATED
    assert "expired at 1970-01-01T00:00:01Z" in expired[1]


def test_over_tcp_a_wrong_key_is_refused(server):
    """One character off, or made up, or the hash: all the same answer."""
    with grpc.insecure_channel(server.address) as channel:
        plain = made_over(channel, server.token).spec.key_hash
        off = plain[:-1] + ("A" if plain[-1] != "A" else "B")
        wrong = [off, "stk_" + "A" * 43, plain.upper(), plain[4:], plain + "A"]

        answers = {code_of(channel, token) for token in wrong}

    assert len(answers) == 1
    assert answers.pop()[0] == grpc.StatusCode.UNAUTHENTICATED


def test_the_key_is_in_no_file_and_in_no_later_answer(server):
    """Database, WAL, log and whatever else is in the home, running and stopped; every RPC that shows a key."""
    with grpc.insecure_channel(server.address) as channel:
        made = made_over(channel, server.token)
        plain, key_id = made.spec.key_hash, ApiKeyId(value=made.metadata.id)
        code_of(channel, plain)
        answers = [call(channel, f"{QUERY}/get", key_id, ApiKey, plain)]
        by_hash = ApiKeyHash(value=answers[0].spec.key_hash)
        answers.append(call(channel, f"{QUERY}/getByKeyHash", by_hash, ApiKey, plain))
        answers.append(call(channel, f"{QUERY}/findAll", Empty(), ApiKeys, plain))
        listing = documents.ListRequest(kind="ApiKey")
        answers.append(call(channel, f"{RESOURCES}/List", listing, documents.ListResponse, plain))
        answers.append(call(channel, f"{COMMAND}/update", made, ApiKey, plain))
        answers.append(call(channel, f"{COMMAND}/delete", key_id, ApiKey, plain))
    shown = [one.SerializeToString() for one in answers] + files_of(server.home)
    server.stop()

    assert any(by_hash.value.encode() in one for one in files_of(server.home))
    assert not [one for one in shown + files_of(server.home) if plain[4:-6].encode() in one]


def files_of(home):
    return [path.read_bytes() for path in home.rglob("*") if path.is_file()]
