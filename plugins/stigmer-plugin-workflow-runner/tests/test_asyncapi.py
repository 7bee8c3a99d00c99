"""`call: asyncapi`: which channel and server a message goes to, and what is refused."""

from __future__ import annotations

import httpx
import pytest
import yaml
from loopback import served
from stigmer_plugin_workflow_runner.activities.asyncapi import AsyncApiActivity
from stigmer_plugin_workflow_runner.activities.channels import channel_of, server_url
from stigmer_plugin_workflow_runner.activities.descriptions import Description, Descriptions
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.program.compiler import check

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
SECOND = """
asyncapi: 2.6.0
servers: {q: {url: "q:1", protocol: mqtt}, h: {url: "x/{r}", protocol: http, variables: {r: {default: eu}}}}
channels:
  a: {publish: {operationId: one}, servers: [q]}
  b/{id}:
    parameters: {id: {location: "$message.header#/id", schema: {default: none}}}
    subscribe: {operationId: two, message: {oneOf: [{contentType: text/plain}]}, bindings: {http: {method: get}}}
"""
THIRD = """
asyncapi: 3.0.0
defaultContentType: application/xml
servers: {s: {host: x, protocol: https}}
channels: {c: {address: "/c", messages: {m: {}}}, d: {address: null}}
operations: {send: {channel: {$ref: "#/channels/c"}}, d: {channel: {$ref: "#/channels/d"}}}
"""
FOUND = [
    (SECOND, {"operation": "two"}, "http://x/eu GET b/none text/plain"),
    (
        SECOND,
        {"channel": "b/{id}", "server": {"name": "h", "variables": {"r": "us"}}},
        "http://x/us GET b/none text/plain",
    ),
    (THIRD, {"operation": "send"}, "https://x/ POST /c application/xml"),
    (THIRD, {"operation": "#/operations/d", "protocol": "https"}, "https://x/ POST d application/xml"),
]


@pytest.mark.parametrize(("root", "call", "expected"), FOUND)
def test_channel_and_server_are_what_the_description_says(root, call, expected):
    """In both versions."""
    description = Description("http://d", yaml.safe_load(root))
    channel = channel_of(description, call)

    server, address = server_url(description, channel, call), channel.address({}, None)
    assert f"{server} {channel.method} {address} {channel.content_type}" == expected


UNKNOWN = [
    (SECOND, {"channel": "aa"}, "no channel 'aa', did you mean 'a'"),
    (SECOND, {"operation": "three"}, "no operation 'three'"),
    (SECOND, {"channel": "a", "server": {"name": "hh"}}, "no server 'hh', did you mean 'h'"),
    (SECOND, {"channel": "a"}, "speaks http: this version calls no mqtt"),
    (SECOND, {"channel": "b/{id}", "server": {"name": "q"}}, "this version calls no mqtt"),
    (THIRD, {"operation": "sent"}, "no operation 'sent', did you mean 'send'"),
    (THIRD, {"channel": "c"}, "no operation ''"),
    (THIRD, {"operation": "send", "protocol": "http"}, "speaks http: this version calls no https"),
    ("openapi: 3.0.0", {"operation": "send"}, "no AsyncAPI document"),
]


@pytest.mark.parametrize(("root", "call", "message"), UNKNOWN)
def test_what_is_not_there_is_a_configuration_error(root, call, message):
    """With what was meant."""
    description = Description("http://d", yaml.safe_load(root))
    with pytest.raises(ActivityError, match=message) as caught:
        server_url(description, channel_of(description, call), call)

    assert caught.value.failure.type.endswith("/errors/configuration")


async def test_message_is_sent_as_its_type_says():
    """A text is a text, anything else is JSON; headers of the message are headers of the request."""
    http = HttpActivity(allow=["127.0.0.0/8"])
    async with served(lambda got: httpx.Response(200, text=SECOND.replace('"x/{r}"', str(got.url)))) as (uri, seen):
        call = AsyncApiActivity(http, Descriptions(http))
        arguments = {"document": {"uri": uri}, "operation": "two", "headers": {"id": "7"}}
        await call({**arguments, "payload": {"a": 1}}, CONTEXT)
        await call({**arguments, "payload": "text"}, CONTEXT)
    await http.close()

    assert [(each.url.path, each.content, each.headers.get("id")) for each in seen[1:]] == [
        ("/b/7", b'{"a": 1}', "7"),
        ("/b/7", b"text", "7"),
    ]


REFUSED = [
    ("subscription: {consume: {amount: 1}}", "with/subscription", "not supported by this version"),
    ("message: {}, protocol: kafka", "with/protocol", "'kafka' is not supported by this version"),
    ("message: {payload: {}, body: 1}", "message/body", "unknown key"),
    ("message: {}, server: {}", "with/server", "has a 'name'"),
    ("protocol: http", "with", "has a 'message'"),
]


@pytest.mark.parametrize(("section", "pointer", "message"), REFUSED)
def test_call_that_is_wrong_is_a_problem(document, section, pointer, message):
    """Protocols that are not there among them."""
    known = "document: {endpoint: http://x}, operation: op"
    problems = check(document(f"[{{a: {{call: asyncapi, with: {{{known}, {section}}}}}}}]"))

    assert any(problem.pointer.endswith(pointer) and message in str(problem) for problem in problems), problems
