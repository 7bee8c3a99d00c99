"""`call: openapi`: what is made of a description, and what is wrong with one."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml
from kit_servers import seen as echoed
from loopback import served
from stigmer_plugin_workflow_runner.activities import descriptions
from stigmer_plugin_workflow_runner.activities.calling import request_arguments
from stigmer_plugin_workflow_runner.activities.descriptions import Description, Descriptions
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.activities.openapi import OpenApiActivity
from stigmer_plugin_workflow_runner.activities.operations import operation_of
from stigmer_plugin_workflow_runner.activities.parameters import written
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
HOME = "https://api.example.com/docs/openapi.json"


@pytest.fixture
async def http():
    """Return an activity that may reach this machine."""
    activity = HttpActivity(allow=["127.0.0.0/8"])
    yield activity
    await activity.close()


def request(root, values, *, operation="op", url=HOME):
    """Return the request of an operation, of a document in YAML without its versions."""
    root = {"openapi": "3.0.3", **yaml.safe_load(root)}
    return request_arguments(operation_of(Description(url, root), operation), values)


SERVERS = [
    ({}, "https://api.example.com/p"),
    ({"servers": [{"url": "v1"}]}, "https://api.example.com/docs/v1/p"),
    ({"servers": [{"url": "http://{h}:80/", "variables": {"h": {"default": "x"}}}]}, "http://x:80/p"),
    ({"swagger": "2.0"}, "https://api.example.com/p"),
    ({"swagger": "2.0", "host": "h", "basePath": "/b/", "schemes": ["http", "https"]}, "https://h/b/p"),
    ({"swagger": "2.0", "host": "h", "schemes": ["http"]}, "http://h/p"),
]


@pytest.mark.parametrize(("root", "uri"), SERVERS)
def test_server_is_where_the_description_says(root, uri):
    """Relative to where it came from."""
    paths = "paths: {/p: {get: {operationId: op}}}"

    assert request(json.dumps({**yaml.safe_load(paths), **root}), {})["uri"] == uri


STYLES = [
    ({"in": "query"}, [1, "a&b"], "p=1&p=a%26b"),
    ({"in": "query", "explode": False}, {"k": "v", "n": 2}, "p=k,v,n,2"),
    ({"in": "query"}, {"k": "v"}, "k=v"),
    ({"in": "query", "style": "pipeDelimited", "explode": False}, ["a", "b"], "p=a%7Cb"),
    ({"in": "query", "style": "deepObject"}, {"k": True}, "p%5Bk%5D=true"),
    ({"in": "query", "allowReserved": True}, "/a?b&c", "p=/a?b%26c"),
    ({"in": "query", "content": {"application/json": {}}}, {"k": 1}, "p=%7B%22k%22%3A%201%7D"),
    ({"in": "query", "type": "array", "collectionFormat": "multi"}, ["a", "b"], "p=a&p=b"),
    ({"in": "query", "type": "array"}, ["a", "b"], "p=a,b"),
    ({"in": "query", "type": "array", "collectionFormat": "ssv"}, ["a", "b"], "p=a%20b"),
    ({"in": "path"}, ["a/", "b"], "p=a%2F,b"),
    ({"in": "path", "style": "label", "explode": True}, ["a", "b"], "p=.a.b"),
    ({"in": "path", "style": "matrix"}, ["a", "b"], "p=;p=a,b"),
    ({"in": "path", "style": "matrix", "explode": True}, {"k": "v", "n": 2}, "p=;k=v;n=2"),
    ({"in": "path", "style": "matrix", "explode": True}, ["a", "b"], "p=;p=a;p=b"),
    ({"in": "header"}, ["a b", 1], "p=a b,1"),
    ({"in": "cookie"}, "a;b", "p=a%3Bb"),
]


@pytest.mark.parametrize(("parameter", "value", "text"), STYLES)
def test_value_is_written_in_the_style_of_its_parameter(parameter, value, text):
    """As the tables of the specification have it."""
    assert "&".join(f"{name}={part}" for name, part in written({"name": "p", **parameter}, value)) == text


BODIES = [
    ("{application/json: {}}", {"body": "text"}, ("application/json", '"text"')),
    ("{application/xml: {}, application/vnd.x+json: {}}", {"a": 1}, ("application/vnd.x+json", '{"a": 1}')),
    ("{text/plain: {}}", {"body": "text"}, ("text/plain", "text")),
    ("{multipart/form-data: {}}", {"a": 1}, ("multipart/form-data", {"a": 1})),
    ("{'*/*': {}}", {"body": [1]}, ("application/json", "[1]")),
    ("{application/json: {}}", {}, (None, None)),
]


@pytest.mark.parametrize(("content", "values", "expected"), BODIES)
def test_body_has_a_type_that_the_operation_takes(content, values, expected):
    """JSON where it may be."""
    made = request(f"paths: {{/p: {{post: {{operationId: op, requestBody: {{content: {content}}}}}}}}}", values)

    assert (made["headers"].get("Content-Type"), made["body"]) == expected


def test_parameter_of_the_operation_replaces_the_one_of_its_path():
    """And a response that may be JSON is asked for as JSON."""
    made = request(
        """
        paths:
          /p/{id}:
            parameters: [{$ref: "#/components/parameters/id"}, {name: q, in: query, required: true}]
            get:
              operationId: op
              parameters: [{name: q, in: query}]
              responses: {200: {content: {text/html: {}, application/json: {}}}}
        components: {parameters: {id: {name: id, in: path, required: true, style: label}}}
        """,
        {"id": 5},
    )

    assert (made["uri"], made["headers"]) == ("https://api.example.com/p/.5", {"Accept": "application/json"})


WRONG = [
    ("paths: {/p: {get: {operationId: opp}}}", {}, "no operation 'op', did you mean 'opp'"),
    ("paths: {/p: {get: {operationId: op}}}", {"x": 1}, "no parameter 'x'"),
    ("paths: {'/{x}': {get: {operationId: op, parameters: [{name: x, in: path}]}}}", {}, "needs the parameter 'x'"),
    ("paths: {'/{x}': {get: {operationId: op, parameters: [{name: x, in: path}]}}}", {"x": ".."}, "cannot hold"),
    ("paths: {/p: {get: {operationId: op, parameters: [{$ref: 'http://evil/x'}]}}}", {}, "another document"),
    ("paths: {/p: {get: {operationId: op, parameters: [{$ref: '#/nowhere'}]}}}", {}, "refers to nothing"),
    ("{a: {$ref: '#/a'}, paths: {/p: {get: {operationId: op, parameters: [{$ref: '#/a'}]}}}}", {}, "in a circle"),
    ("paths: {/p: {post: {operationId: op, requestBody: {required: true}}}}", {}, "needs a body"),
    ("{servers: [{url: 'ftp://x'}], paths: {/p: {get: {operationId: op}}}}", {}, "no server that speaks HTTP"),
    ("{servers: [{url: '{x}'}], paths: {/p: {get: {operationId: op}}}}", {}, "variable 'x' without a value"),
]


@pytest.mark.parametrize(("root", "values", "message"), WRONG)
def test_call_that_cannot_be_made_is_a_configuration_error(root, values, message):
    """Nothing is sent, and nobody else is asked."""
    with pytest.raises(ActivityError, match=message) as caught:
        request(root, values)

    assert caught.value.failure.type.endswith("/errors/configuration")


async def test_description_is_fetched_with_its_own_credentials_and_redirects(http):
    """The call has others, and paths are relative to where the description was in the end."""

    def answer(got):
        if got.url.path == "/old":
            return httpx.Response(301, headers={"location": "/new/api.yaml"})
        if got.url.path == "/new/api.yaml":
            return httpx.Response(
                200, content=b"openapi: 3.1.0\nservers: [{url: .}]\npaths: {/p: {get: {operationId: op}}}"
            )
        return httpx.Response(200, json=echoed(got))

    document = {"authentication": {"bearer": {"token": "reader"}}}
    async with served(answer) as (uri, seen):
        arguments = {"document": {"uri": f"{uri}/old", **document}, "operationId": "op"}
        caller = {"bearer": {"token": "caller"}}
        got = await OpenApiActivity(http, Descriptions(http))({**arguments, "authentication": caller}, CONTEXT)

    assert (got["url"], got["headers"]["authorization"]) == (f"{uri}/new/p", "Bearer caller")
    assert [each.headers["authorization"] for each in seen[:2]] == ["Bearer reader"] * 2


async def test_description_is_kept_for_a_while_and_for_those_with_the_same_credentials(http, monkeypatch):
    """And so are only some."""
    now = [0.0]
    monkeypatch.setattr(descriptions, "KEPT", 2)
    kept = Descriptions(http, lambda: now[0])
    async with served(lambda _got: httpx.Response(200, json={"openapi": "3.0.0"})) as (uri, seen):
        asked = [{"uri": uri}, {"uri": uri}, {"uri": uri, "authentication": {"bearer": {"token": "t"}}}, {"uri": uri}]
        for endpoint in [*asked, {"uri": f"{uri}/b"}, {"uri": f"{uri}/c"}, {"uri": uri}]:
            await kept.get(endpoint)
        now[0] = descriptions.KEPT_SECONDS
        await kept.get({"uri": uri})

    assert [each.url.path for each in seen] == ["/", "/", "/b", "/c", "/", "/"]


BAD = [b"[1]", b"\x00", b"{a: b: c}", b"[" * 100_000, b"a: &a [*a]\n- b"]


@pytest.mark.parametrize("body", BAD)
async def test_body_that_is_no_description_is_a_configuration_error(http, body):
    """In words, and without a crash."""
    async with served(lambda _got: httpx.Response(200, content=body)) as (uri, _seen):
        with pytest.raises(ActivityError) as caught:
            await Descriptions(http).get({"uri": uri})

    assert caught.value.failure.type.endswith("/errors/configuration")


@pytest.mark.parametrize(
    ("answer", "status"), [(httpx.Response(404), 404), (httpx.Response(200, content="x" * 9), 500)]
)
async def test_description_that_cannot_be_had_is_a_communication_error(http, monkeypatch, answer, status):
    """Because it is not there, or too large."""
    monkeypatch.setattr(descriptions, "LARGEST", 8)
    async with served(lambda _got: answer) as (uri, _seen):
        with pytest.raises(ActivityError) as caught:
            await Descriptions(http).get({"uri": uri})

    assert (caught.value.failure.type.rpartition("/")[2], caught.value.failure.status) == ("communication", status)


async def test_description_is_not_fetched_from_inside():
    """The address policy holds for it too."""
    closed = HttpActivity()
    async with served(lambda _got: httpx.Response(200)) as (uri, seen):
        with pytest.raises(ActivityError, match=r"network\.allow"):
            await Descriptions(closed).get({"uri": uri})
    await closed.close()

    assert not seen


REFUSED = [
    ("{operationId: op}", "with/document", "has an 'endpoint'"),
    ("{document: {endpoint: http://x}}", "with/operationId", "has an 'operationId'"),
    ("{document: {endpoint: http://x}, operationId: op, parameters: 1}", "with/parameters", "an object"),
    ("{document: {endpoint: {}}, operationId: op}", "document/endpoint/uri", "has a URI"),
    ("{document: {endpoint: http://x}, operationId: op, output: all}", "with/output", "unknown output"),
    ("{document: {endpoint: http://x}, operationId: op, authentication: {use: a}}", "authentication/use", "has no 'a'"),
    ("{document: {endpoint: http://x}, operationID: op}", "with/operationID", "did you mean 'operationId'"),
]


@pytest.mark.parametrize(("section", "pointer", "message"), REFUSED)
def test_call_that_is_wrong_is_a_problem(document, section, pointer, message):
    """At its place, before anything runs."""
    problems = check(document(f"[{{a: {{call: openapi, with: {section}}}}}]"))

    assert any(problem.pointer.endswith(pointer) and message in str(problem) for problem in problems), problems


async def test_error_does_not_show_a_secret_of_the_document(http):
    """Neither one in its URI nor the credentials there."""
    async with served(lambda _got: httpx.Response(200, text="a: 1")) as (uri, _seen):
        document = {"uri": f"{uri.replace('//', '//u:p@')}/?key=k0", "shown": "http://x/***"}
        with pytest.raises(ActivityError) as caught:
            await OpenApiActivity(http, Descriptions(http))({"document": document, "operationId": "op"}, CONTEXT)

    assert caught.value.failure.detail == "http://x/*** is no OpenAPI document"
