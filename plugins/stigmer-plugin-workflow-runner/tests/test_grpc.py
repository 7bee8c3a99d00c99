"""`call: grpc`, against a real server on a socket."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import pytest
import trustme
from greeting import PROTO, SERVICE, compiled, greeting
from loopback import served
from stigmer_plugin_workflow_runner.activities import methods, protos, targets
from stigmer_plugin_workflow_runner.activities.grpc import GrpcActivity
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.activities.process import Processes
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("run-1", "/do/0/é", 1)


@pytest.fixture
async def ready():
    """Return an activity that may reach this machine."""
    http = HttpActivity(allow=["127.0.0.0/8"])
    made = GrpcActivity(http, Processes(), allow=["127.0.0.0/8"])
    yield made
    await made.close()
    await http.close()


async def call(ready, port, method="Greet", given=None, *, host="127.0.0.1", name=SERVICE, **more):
    """Call the activity."""
    service = {"name": name, "host": host, "port": port}
    return await ready({"service": service, "method": method, "arguments": given or {}, **more}, CONTEXT)


async def test_method_is_called_as_the_server_describes_it(ready):
    """Fields by either of their names; the answer is proto3 JSON, in which the fields have their defaults too."""
    async with greeting() as port:
        got = await call(ready, port, given={"fullName": "Ada", "times": 1})
        same = await call(ready, port, given={"full_name": "Ada", "times": 1}, host="localhost")

    assert got == same
    expected = {"greeting": "Hello, Ada", "number": str(2**53 + 1), "at": "1970-01-01T00:00:00Z"}
    assert got == expected | {"seen": ["run-1/do/0/\\xe9"]}


@pytest.mark.parametrize(
    ("method", "greetings"), [("GreetEach", ["Ada 0", "Ada 1"]), ("Talk", ["Ada", "bye"]), ("GreetTogether", None)]
)
async def test_streams(ready, method, greetings):
    """A stream of answers is a list of them; a method that takes a stream is sent one message."""
    async with greeting() as port:
        got = await call(ready, port, method, {"fullName": "Ada", "times": 2})

    assert got["greeting"] == "Ada" if greetings is None else [answer["greeting"] for answer in got] == greetings


async def test_stream_has_an_end(ready, monkeypatch):
    """One of too many messages is broken off."""
    monkeypatch.setattr(methods, "MOST_MESSAGES", 5)
    async with greeting() as port:
        with pytest.raises(ActivityError, match="5 messages"):
            await call(ready, port, "GreetEach", {"times": 1000})


@pytest.mark.parametrize(
    ("body", "name"), [(PROTO.read_bytes(), "greeter.proto"), (compiled(), "greeter.binpb")], ids=["proto", "compiled"]
)
async def test_method_is_called_as_a_document_describes_it(ready, body, name):
    """The server needs no reflection; the document is fetched and compiled once."""
    async with (
        greeting(reflection=False) as port,
        served(lambda _request: httpx.Response(200, content=body)) as (uri, seen),
    ):
        for _ in range(2):
            got = await call(ready, port, given={"fullName": "Ada"}, proto={"uri": f"{uri}/{name}"})

    assert got["greeting"] == "Hello, Ada"
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [("syntax = 'proto3'; message A { B b = 1; }", '"B" is not defined'), ("import 'x.proto';", "x.proto: File not")],
)
async def test_document_that_cannot_be_compiled(ready, body, message):
    """What protoc says is said, without where it ran."""
    async with greeting() as port, served(lambda _request: httpx.Response(200, content=body)) as (uri, _seen):
        with pytest.raises(ActivityError, match="cannot be compiled") as caught:
            await call(ready, port, proto={"uri": f"{uri}/a.proto"})

    assert message in caught.value.failure.detail
    assert "stigmer-run" not in caught.value.failure.detail


async def test_document_without_protoc(ready, monkeypatch):
    """The error says what to install, and what else could be done."""
    monkeypatch.setattr(protos.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", "/nowhere")
    async with greeting() as port, served(lambda _request: httpx.Response(200)) as (uri, _seen):
        with pytest.raises(ActivityError, match="pip install grpcio-tools") as caught:
            await call(ready, port, proto={"uri": uri})

    assert caught.value.failure.type.endswith("/errors/configuration")


@pytest.mark.parametrize(("name", "status", "retryable"), [("nobody", 404, False), ("busy", 503, True)])
async def test_refusal_is_a_communication_error_with_its_status(ready, name, status, retryable):
    """The code, as HTTP has it, and what the server says."""
    async with greeting() as port:
        with pytest.raises(ActivityError, match="not today") as caught:
            await call(ready, port, given={"fullName": name})

    failure = caught.value.failure
    assert failure.type.endswith("/errors/communication")
    assert (failure.status, failure.retryable) == (status, retryable)


async def test_nobody_there_is_a_retryable_communication_error(ready):
    """The server may come back."""
    async with greeting() as port:
        pass
    with pytest.raises(ActivityError) as caught:
        await call(ready, port)

    assert (caught.value.failure.status, caught.value.failure.retryable) == (503, True)


MISTAKES = [
    ({"method": "Gret"}, "did you mean 'Greet'"),
    ({"name": "kit.v1.Greet"}, f"did you mean '{SERVICE}'"),
    ({"given": {"fullname": 1}}, "are no kit.v1.GreetRequest"),
    ({"given": {"times": "many"}}, "are no kit.v1.GreetRequest"),
    ({"given": "Ada"}, "are an object"),
    ({"name": 1}, "name is a text"),
    ({"host": None}, "host of the service"),
    ({"port": 70000}, "is no port"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
async def test_call_that_does_not_fit_is_a_configuration_error(ready, arguments, message):
    """It says what was meant, and nothing is tried again."""
    async with greeting() as port:
        with pytest.raises(ActivityError, match=message) as caught:
            await call(ready, **{"port": port, **arguments})

    assert caught.value.failure.type.endswith("/errors/configuration")


async def test_server_without_reflection_needs_a_document(ready):
    """The error says so."""
    async with greeting(reflection=False) as port:
        with pytest.raises(ActivityError, match="give the call a 'proto'"):
            await call(ready, port)


@pytest.fixture
def refusing():
    """Serve nothing, on threads of their own; return the port."""
    server = grpc.server(ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None).wait()


async def test_refusal_is_heard_however_early_it_comes(ready, refusing):
    """A server may refuse a stream before anything is sent: what it says is the error, every time."""
    for _ in range(300):
        with pytest.raises(ActivityError, match="give the call a 'proto'"):
            await call(ready, refusing)


@pytest.mark.parametrize("method", ["Talk", "GreetTogether"])
async def test_refusal_of_a_stream_of_messages_is_heard(ready, refusing, method):
    """Likewise of a method that takes a stream."""
    async with served(lambda _request: httpx.Response(200, content=PROTO.read_bytes())) as (uri, _seen):
        for _ in range(300):
            with pytest.raises(ActivityError, match="UNIMPLEMENTED"):
                await call(ready, refusing, method, proto={"uri": f"{uri}/greeter.proto"})


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254"])
async def test_address_inside_is_refused_unless_allowed(host):
    """As for every other call; before anything is connected to."""
    http = HttpActivity()
    with pytest.raises(ActivityError, match=r"network\.allow|no workflow may reach"):
        await call(GrpcActivity(http, Processes()), 1, host=host)


async def test_proxy_of_the_environment_is_not_used(ready, monkeypatch):
    """It would connect to addresses that nobody has checked."""
    for name in ("grpc_proxy", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with greeting() as port:
        got = await call(ready, port, given={"fullName": "Ada"}, host="localhost")

    assert got["greeting"] == "Hello, Ada"


async def test_bearer_and_a_token_that_is_replaced(ready):
    """Reflection is asked for by the same caller; a kept token that is refused is replaced once."""
    issued = []

    def authority(_request):
        issued.append(f"t{len(issued)}")
        return httpx.Response(200, json={"access_token": issued[-1], "token_type": "bearer", "expires_in": 3600})

    async with served(authority) as (uri, _seen):
        policy = {"oauth2": {"authority": uri, "grant": "client_credentials", "client": {"id": "c", "secret": "s"}}}
        for token in ("t0", "t1"):
            async with greeting(token=token) as port:
                await call(ready, port, authentication=policy)
        async with greeting(token="own") as port:
            got = await call(ready, port, authentication={"bearer": {"token": "own"}})

    assert issued == ["t0", "t1"]
    assert "Bearer own" in got["seen"]


async def test_who_is_not_let_in(ready):
    """Without credentials, with wrong ones, and with those that only HTTP has."""
    digest = {"digest": {"username": "u", "password": "p"}}
    async with greeting(token="t0") as port:
        for policy, status in ((None, 401), ({"basic": {"username": "u", "password": "p"}}, 401), (digest, 400)):
            with pytest.raises(ActivityError) as caught:
                await call(ready, port, authentication=policy)
            assert caught.value.failure.status == status


@pytest.mark.parametrize("trusted", [True, False])
async def test_certificate_is_checked_against_the_name(monkeypatch, trusted):
    """Although it is an address that is connected to."""
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    pair = (certificate.private_key_pem.bytes(), certificate.cert_chain_pems[0].bytes())
    roots = (authority if trusted else other).cert_pem.bytes()
    made = GrpcActivity(HttpActivity(), Processes(), allow=["127.0.0.1"], roots=roots)
    async with greeting(credentials=grpc.ssl_server_credentials([pair])) as port:
        monkeypatch.setattr(targets, "TLS_PORTS", (port,))
        if not trusted:
            with pytest.raises(ActivityError, match="UNAVAILABLE"):
                await call(made, port, host="localhost")
            return
        assert (await call(made, port, host="localhost"))["greeting"]
        with pytest.raises(ActivityError, match="UNAVAILABLE"):
            await call(made, port)


async def test_call_of_a_task(run):
    """What the document says arrives, with the values of its expressions; without a document it is not asked for."""
    seen = []

    async def activity(arguments, _context):
        seen.append(arguments)
        return {"greeting": "hi"}

    service = "{name: s.S, host: '${ .host }', port: 50051, authentication: {bearer: {token: t}}}"
    tasks = f"[{{a: {{call: grpc, with: {{service: {service}, method: M, arguments: {{n: '${{ .n }}'}}}}}}}}]"
    outcome = await run(tasks, {"host": "h", "n": 1}, activities={"grpc": activity})

    called = {"service": {"name": "s.S", "host": "h", "port": 50051}, "method": "M", "arguments": {"n": 1}}
    assert seen == [called | {"authentication": {"bearer": {"token": "t"}}}]
    assert outcome.output == {"greeting": "hi"}


GOOD = {"service": {"name": "s", "host": "h"}, "method": "m"}
WRONG = [
    ({"method": "m"}, "/with/service", "has a 'name'"),
    ({**GOOD, "method": ""}, "/with", "has a 'method'"),
    ({**GOOD, "methd": 1}, "/with/methd", "did you mean 'method'"),
    ({**GOOD, "service": {"name": "s", "host": "http://h"}}, "/with/service/host", "without a scheme"),
    ({**GOOD, "service": {"name": "s", "host": "h", "port": 65536}}, "/with/service/port", "whole number"),
    ({**GOOD, "service": {"name": "s", "host": "h", "authentication": {"x": {}}}}, "/authentication", "unknown"),
    ({**GOOD, "arguments": [1]}, "/with/arguments", "is an object"),
    ({**GOOD, "proto": {"name": "p"}}, "/with/proto", "has an 'endpoint'"),
]


@pytest.mark.parametrize(("arguments", "pointer", "message"), WRONG)
def test_call_that_cannot_work_is_a_problem(document, arguments, pointer, message):
    """At its place, before anything runs."""
    problems = check(document(f"[{{a: {{call: grpc, with: {json.dumps(arguments)}}}}}]"))

    assert any(problem.pointer.endswith(pointer) and message in str(problem) for problem in problems), problems
