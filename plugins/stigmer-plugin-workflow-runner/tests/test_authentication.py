"""Authentication of calls: what is sent, when a token is asked for anew, and what is wrong with a policy."""

from __future__ import annotations

import asyncio
import base64
import json

import httpx
import pytest
from kit_servers import digest
from loopback import served
from stigmer_plugin_workflow_runner.activities.http import LARGEST, HttpActivity
from stigmer_plugin_workflow_runner.activities.tokens import Tokens
from stigmer_plugin_workflow_runner.program.compiler import check
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram

from stigmer_core.program import ActivityContext, ActivityError
from stigmer_core.testing.memory_engine import MemoryEngine

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
POLICY = {"authority": "http://authority", "grant": "client_credentials", "client": {"id": "c", "secret": "s"}}


@pytest.fixture
async def http():
    """Return an activity that may reach this machine."""
    activity = HttpActivity(allow=["127.0.0.0/8"])
    yield activity
    await activity.close()


class Authority:
    """Issues numbered tokens, and lets in who brings the newest one."""

    def __init__(self, **answer):
        self.answer, self.issued, self.valid = answer, 0, 0

    def __call__(self, request):
        if request.url.path == "/oauth2/token":
            self.issued += 1
            self.valid = self.issued
            token = {"access_token": f"t{self.issued}", "token_type": "bearer", "expires_in": 3600}
            return httpx.Response(200, json={**token, **self.answer})
        is_valid = request.headers.get("authorization") == f"Bearer t{self.valid}"
        return httpx.Response(200 if is_valid else 401, json={"valid": is_valid})


async def call(http, uri, policy):
    """Call the activity."""
    return await http({"method": "GET", "uri": f"{uri}/x", "authentication": policy}, CONTEXT)


async def test_token_is_kept_for_those_who_have_the_same_credentials(http):
    """Calls at once ask for one token; another secret is another token."""
    authority = Authority()
    async with served(authority) as (uri, _seen):
        policy = {"oauth2": {**POLICY, "authority": uri}}
        await asyncio.gather(*(call(http, uri, policy) for _ in range(5)))
        assert authority.issued == 1

        await call(http, uri, {"oauth2": {**policy["oauth2"], "client": {"id": "c", "secret": "other"}}})

    assert authority.issued == 2


async def test_kept_token_that_is_refused_is_replaced_once(http):
    """An authority may take a token back; a new one that is refused too is the end of it."""
    authority = Authority()
    async with served(authority) as (uri, _seen):
        policy = {"oauth2": {**POLICY, "authority": uri}}
        await call(http, uri, policy)
        authority.valid = 7
        assert await call(http, uri, policy) == {"valid": True}

        authority.answer = {"access_token": "never"}
        authority.valid = 7
        with pytest.raises(ActivityError) as caught:
            await call(http, uri, policy)

    assert (authority.issued, caught.value.failure.status) == (3, 401)


@pytest.mark.parametrize(("lifetime", "after", "issued"), [(100, 89, 1), (100, 91, 2), (None, 0, 2), ("soon", 0, 2)])
async def test_token_is_used_until_shortly_before_it_expires(lifetime, after, issued):
    """One whose end nobody told is not kept."""
    now, authority = [0.0], Authority(expires_in=lifetime)

    async def send(request, **_options):
        response = authority(request)
        return type("Reply", (), {"response": response, "body": response.content})

    tokens = Tokens(send, lambda: now[0])
    await tokens.get("oauth2", POLICY)
    now[0] = after
    await tokens.get("oauth2", POLICY)

    assert authority.issued == issued


REFUSED = [
    ({"token_type": "mac"}, "no bearer token"),
    ({"access_token": ""}, "no bearer token"),
    ({"access_token": "a.eyJpc3MiOiAiZXZpbCJ9.c"}, "another issuer"),
]


@pytest.mark.parametrize(("answer", "message"), REFUSED)
async def test_token_that_is_none_is_an_authentication_error(http, answer, message):
    """It is not sent to anybody."""
    async with served(Authority(**answer)) as (uri, seen):
        with pytest.raises(ActivityError, match=message) as caught:
            await call(http, uri, {"oauth2": {**POLICY, "authority": uri, "issuers": ["good"]}})

    assert caught.value.failure.type.endswith("/errors/authentication")
    assert [request.url.path for request in seen] == ["/oauth2/token"]


async def test_authority_that_is_down_is_a_communication_error(http):
    """It may come back, so the call may be tried again."""
    async with served(lambda _request: httpx.Response(503)) as (uri, _seen):
        with pytest.raises(ActivityError) as caught:
            await call(http, uri, {"oidc": {**POLICY, "authority": uri}})

    assert (caught.value.failure.status, caught.value.failure.retryable) == (503, True)


async def test_other_grants_and_clients(http):
    """A token exchange, a client with an assertion, and one that is public."""
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    subject = {"grant": exchange, "subject": {"token": "s0", "type": "jwt"}}
    async with served(Authority()) as (uri, seen):
        assertion = {"client": {"id": "c", "assertion": "a0", "authentication": "private_key_jwt"}}
        await call(http, uri, {"oauth2": {**POLICY, **subject, **assertion, "authority": uri}})
        await call(http, uri, {"oauth2": {**POLICY, "client": {"id": "c", "authentication": "none"}, "authority": uri}})

    forms = [request.content.decode() for request in seen if request.method == "POST"]
    assert "subject_token=s0&subject_token_type=jwt" in forms[0]
    assert "client_assertion=a0" in forms[0]
    assert forms[1] == "grant_type=client_credentials&client_id=c"


async def test_digest_is_made_for_each_hop_of_a_redirect(http):
    """The digest of one URI is none of another."""

    def answer(request):
        if request.url.path == "/x":
            return httpx.Response(302, headers={"location": "/y"})
        return digest(request, "u", "p")

    async with served(answer) as (uri, _seen):
        policy = {"digest": {"username": "u", "password": "p"}}
        got = await http({"method": "GET", "uri": f"{uri}/x", "redirect": True, "authentication": policy}, CONTEXT)

    assert got == {"user": "u"}


async def test_credentials_stay_with_their_origin(http):
    """A redirect to another server takes neither them nor headers that hold a secret along."""
    async with (
        served(lambda _request: httpx.Response(200)) as (other, there),
        served(lambda _request: httpx.Response(307, headers={"location": other})) as (uri, here),
    ):
        arguments = {"headers": {"x-key": "k", "x-open": "o"}, "secret": ["x-key"], "redirect": True}
        policy = {"authentication": {"bearer": {"token": "t0"}}}
        await http({"method": "GET", "uri": uri, **arguments, **policy}, CONTEXT)

    assert {"authorization", "x-key", "x-open"} <= here[0].headers.keys()
    assert there[0].headers.get("x-open") == "o"
    assert not {"authorization", "x-key"} & there[0].headers.keys()


@pytest.mark.parametrize("values", [{"username": "u"}, "u:p", None])
async def test_secret_without_what_the_scheme_needs_is_a_configuration_error(http, values):
    """A secret is seen when the call is made, not before."""
    with pytest.raises(ActivityError, match="lacks") as caught:
        await call(http, "http://127.0.0.1:9", {"basic": values})

    assert caught.value.failure.type.endswith("/errors/configuration")


def calling(policy):
    """Return the tasks of a call with a policy, as YAML."""
    endpoint = json.dumps({"uri": "http://x", "authentication": policy})
    return f"[{{a: {{call: http, with: {{method: get, endpoint: {endpoint}}}}}}}]"


async def test_policy_takes_its_values_from_a_secret(document):
    """All of it, one that is a single text too, and a policy of the document that has the name."""
    got = []

    async def http(arguments, _context):
        got.append(arguments["authentication"])

    use = {"secrets": ["login", "token"], "authentications": {"named": {"basic": {"use": "login"}}}}
    given = {"login": {"username": None, "password": None}, "token": None}
    for policy in ({"use": "named"}, {"bearer": {"use": "token"}}, {"digest": {"use": "login"}}):
        start = {"document": document(calling(policy), use=use), "input": {}, "secrets": given}
        await MemoryEngine(WorkflowProgram(), {"http": http}).run(start)

    assert [list(policy) for policy in got] == [["basic"], ["bearer"], ["digest"]]
    assert set(got[0]["basic"]) == {"username", "password"} == set(got[2]["digest"])
    assert isinstance(got[1]["bearer"], str)


WRONG = [
    ({"basic": {"username": "u"}}, "basic", "'username' and 'password'"),
    ({"basic": {"use": "missing"}}, "basic/use", "'use.secrets' has no 'missing'"),
    ({"basic": "u"}, "basic", "is an object"),
    ({"use": "missing"}, "authentication/use", "'use.authentications' has no"),
    ({"saml": {}}, "authentication", "unknown authentication 'saml'"),
    ({"basic": {}, "bearer": {}}, "authentication", "one scheme"),
    ({"bearer": {"token": "t", "tokn": 1}}, "bearer/tokn", "did you mean 'token'"),
    ({"oauth2": {"grant": "password"}}, "oauth2", "'authority' and 'grant'"),
    ({"oauth2": {**POLICY, "grant": "authorization_code"}}, "oauth2/grant", "not supported by this version"),
    ({"oauth2": {**POLICY, "grant": "password"}}, "oauth2", "needs 'username'"),
    ({"oauth2": {**POLICY, "client": {"authentication": "tls"}}}, "client/authentication", "not supported"),
    ({"oauth2": {**POLICY, "scopes": "read"}}, "oauth2/scopes", "a list"),
    ({"oidc": {**POLICY, "endpoints": {}}}, "oidc/endpoints", "unknown key"),
    ({"oidc": {**POLICY, "request": {"encoding": "xml"}}}, "request/encoding", "not supported"),
]


@pytest.mark.parametrize(("policy", "pointer", "message"), WRONG)
def test_policy_that_cannot_work_is_a_problem(document, policy, pointer, message):
    """At its place, before anything runs."""
    problems = check(document(calling(policy)))

    assert any(problem.pointer.endswith(pointer) and message in str(problem) for problem in problems), problems


def test_problem_of_a_named_policy_is_where_the_policy_is(document):
    """Not where it is used."""
    (problem,) = check(document(calling({"use": "a/b"}), use={"authentications": {"a/b": {"basic": {}}}}))

    assert problem.pointer == "/use/authentications/a~1b/basic"


async def test_credentials_in_the_uri_are_sent_and_not_shown(http):
    """As every client does it."""
    async with served(lambda _request: httpx.Response(200)) as (uri, seen):
        arguments = {"method": "GET", "uri": uri.replace("//", "//u:p@"), "output": "response"}
        got = await http(arguments, CONTEXT)

    assert seen[0].headers["authorization"] == f"Basic {base64.b64encode(b'u:p').decode()}"
    assert "u:p" not in json.dumps(got)


async def test_challenge_is_not_read(http):
    """A server that asks for authentication cannot fill the memory with it."""

    def answer(request):
        challenge = digest(request, "u", "p")
        if challenge.status_code == 401:
            challenge.headers["content-length"] = str(LARGEST)  # more than ever comes
        return challenge

    async with served(answer) as (uri, _seen):
        assert await call(http, uri, {"digest": {"username": "u", "password": "p"}}) == {"user": "u"}
