"""Notifications: the channels and templates of the configuration, and what goes over them."""

from __future__ import annotations

import json
import logging

import httpx
import pytest
from loopback import served
from mail_server import mail_server
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.notifications import notifications_of
from stigmer_plugin_workflow_runner.program.program import WorkflowProgram
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.program import ActivityContext, ActivityError
from stigmer_core.testing.memory_engine import MemoryEngine

MAIL = {"type": "email", "host": "localhost", "from": "s@example.org"}
QUESTION = {
    "prompt": "Refund 5?",
    "outcomes": [{"name": "ok", "label": "Fine"}, {"name": "no", "label": ""}],
    "task": "ask",
    "escalated": False,
}
FINE = lambda _request: httpx.Response(200)  # noqa: E731 - a server's answer


def configured(templates=None, **channels):
    return notifications_of({"notification": {"channels": channels, "templates": templates or {}}})


async def tell(channels, arguments, *, allow=("127.0.0.1",)):
    """Call the activity as the engine does, without a network beyond this machine."""
    ready = activities(Wiring(), allow=allow, notifications=channels)
    return await ready["notify"](arguments, ActivityContext("wex_1", "/do/0/tell", 1))


def message(channel, body="b", **more):
    return {"channel": channel, "recipients": ["ann"], "message": {"body": body, **more}}


async def test_slack_gets_its_text(monkeypatch):
    """At the URL that a variable has; markup that would call people or name links is plain text."""
    async with served(FINE) as (url, seen):
        monkeypatch.setenv("SLACK_URL", f"{url}/T0/secret")
        channels = configured(ops={"type": "slack", "url_env": "SLACK_URL"})
        await tell(channels, message("ops", "<!channel> & <https://x|y>", subject="Hot"))

    assert seen[0].url.path == "/T0/secret"
    assert json.loads(seen[0].content) == {"text": "*Hot*\n&lt;!channel&gt; &amp; &lt;https://x|y&gt;\nFor ann"}
    assert seen[0].headers["idempotency-key"]


async def test_a_url_of_a_channel_is_in_no_error(monkeypatch):
    """It is a credential."""
    async with served(lambda _: httpx.Response(404)) as (url, _):
        monkeypatch.setenv("SLACK_URL", f"{url}/T0/secret")
        with pytest.raises(ActivityError) as caught:
            await tell(configured(ops={"type": "slack", "url_env": "SLACK_URL"}), message("ops"))

    assert ("secret" in str(caught.value.failure), caught.value.failure.status) == (False, 404)


async def test_a_webhook_of_the_configuration_may_be_private():
    """Whoever runs the server has named it."""
    async with served(FINE) as (url, seen):
        channels = configured(hook={"type": "webhook", "url": url})
        await tell(channels, message("hook", metadata={"k": "v"}), allow=())

    assert json.loads(seen[0].content) == {"body": "b", "metadata": {"k": "v"}, "recipients": ["ann"]}


async def test_a_template_has_the_metadata_in_it():
    """Once: what data says of braces is text."""
    template = {"subject": "{what} of {{x}}", "body": "{body}: {n}"}
    channels = configured({"t": template}, hook={"type": "webhook", "url": "https://x"})
    async with served(FINE) as (url, seen):
        arguments = message("webhook", "b", metadata={"what": "{n}", "n": 5}) | {"template": "t", "recipients": [url]}
        await tell(channels, arguments)

    told = json.loads(seen[0].content)
    assert (told["subject"], told["body"]) == ("{n} of {x}", "b: 5")


@pytest.mark.parametrize(("template", "why"), [("t", "needs 'missing'"), ("u", r"no template 'u' \(there are t;")])
async def test_a_template_that_cannot_be_filled_in_faults(template, why):
    """Nothing is sent with a hole in it."""
    channels = configured({"t": {"body": "{missing}"}})
    with pytest.raises(ActivityError, match=why):
        await tell(channels, message("log") | {"template": template})


async def test_the_log_has_a_message_on_one_line(caplog):
    """Whatever is in it."""
    with caplog.at_level(logging.WARNING):
        await tell(configured(), message("log", "a\nERROR fake"))

    (record,) = [one for one in caplog.records if one.message.startswith("notification ")]
    assert "body='a\\nERROR fake'" in record.message


async def test_a_question_says_how_it_is_answered():
    """To approvers whose accounts are addresses, and to those that the channel names."""
    async with mail_server() as server:
        mail = {**MAIL, "port": server.port, "tls": "none", "to": ["ops@example.org"]}
        question = {**QUESTION, "approvers": ["ann@example.org", "bob"], "payload": {"n": 5}}
        await tell(configured(mail=mail), {"channel": "mail", "question": question})

    assert server.recipients == ["ann@example.org", "ops@example.org"]
    parts = ("Refund 5?", "Run: wex_1", "ok (Fine), no", "ann@example.org, bob", "stigmer runs answer wex_1 ask ok")
    assert [part for part in parts if part not in server.messages[0]] == []


async def test_a_question_that_nobody_would_get_faults():
    """With the key of the configuration that is missing."""
    with pytest.raises(ActivityError, match=r"channels\.mail in config\.toml has no 'to'"):
        await tell(configured(mail=MAIL), {"channel": "mail", "question": {**QUESTION, "approvers": ["bob"]}})


async def test_a_message_that_is_too_long_faults():
    """As a configuration error, before anything is sent."""
    with pytest.raises(ActivityError, match="40000 characters at most"):
        await tell(configured(ops={"type": "slack", "url": "https://x"}), message("ops", "x" * 40_001))


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"type": "pigeon"}, "has no type of webhook, slack, email"),
        ({"type": "slack", "url": "https://x", "url_env": "X"}, "has one of url"),
        ({"type": "slack", "url": "ftp://x"}, "has a url that is none"),
        ({"type": "slack", "urll": "https://x"}, "unknown key 'urll'"),
        ({**MAIL, "password": "s3cret"}, "password_env"),
        ({**MAIL, "from": "nobody"}, "a from that is an address"),
        ({**MAIL, "from": "a <a@x.org>\nBcc: b@x.org"}, "a from that is an address"),
        ({**MAIL, "port": 0}, "has a port"),
        ({**MAIL, "tls": "maybe"}, "has a tls of"),
        ({**MAIL, "to": ["x"]}, "has a to"),
        ({**MAIL, "user": "me"}, "has a user with"),
        ({**MAIL, "tls": "none", "user": "me", "password_env": "P"}, "over TLS only"),
        ("mail", "is no table"),
    ],
)
async def test_a_channel_that_is_configured_wrongly_is_refused_where_it_is_used(settings, why):
    """It says what is wrong, and nothing else stops working."""
    channels = configured(c=settings)
    with pytest.raises(ActivityError) as caught:
        await tell(channels, message("c"))

    assert why in caught.value.failure.detail
    assert "s3cret" not in caught.value.failure.detail
    assert await tell(channels, message("log"))


async def test_a_variable_that_is_not_set_is_named():
    """It is the configuration that is wrong."""
    with pytest.raises(ActivityError, match="the variable NOT_SET is not set"):
        await tell(configured(c={"type": "slack", "url_env": "NOT_SET"}), message("c"))


async def test_a_secret_does_not_get_into_the_log(document, caplog):
    """Though it may get into a mail."""
    call = "{channel: log, recipients: [a], message: {body: '${ $secrets.key }'}}"
    made = document(f"[{{a: {{call: 'stigmer:notify', with: {call}}}}}]", use={"secrets": ["key"]})
    ready = activities(Wiring(), notifications=configured())
    engine = MemoryEngine(WorkflowProgram(), ready)
    with caplog.at_level(logging.WARNING):
        outcome = await engine.run({"document": made, "input": {}, "secrets": {"key": None}})

    assert outcome.failure is None
    assert "REDACTED" in caplog.text
