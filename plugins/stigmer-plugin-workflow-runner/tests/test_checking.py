"""Documents checked against what a server has: channels, templates and activities."""

from __future__ import annotations

import pytest
from stigmer_plugin_workflow_runner.checking import Check
from stigmer_plugin_workflow_runner.notifications import notifications_of

MAIL = {"type": "email", "host": "localhost", "from": "s@example.org"}


def configured(templates=None, **channels):
    return notifications_of({"notification": {"channels": channels, "templates": templates or {}}})


@pytest.mark.parametrize(("name", "problems"), [("http", 0), ("acme.render", 0), ("acme.other", 1)])
def test_an_activity_that_is_not_there_is_refused_when_it_is_written(document, name, problems):
    """Those that the installation has added are."""
    made = document(f"[{{a: {{call: 'stigmer:activity', with: {{activity: {name}}}}}}}]")

    found = Check(configured(), frozenset({"http", "shell", "acme.render"}))(made)
    assert [problem.pointer for problem in found] == ["/do/0/a/with/activity"] * problems


def test_a_template_that_is_configured_wrongly_is_said_to_be(document, caplog):
    """In the server's log, and where a workflow names it."""
    found = configured({"t": {"subjekt": "x"}})
    call = "{channel: log, template: t, recipients: [a], message: {body: b}}"
    (problem,) = Check(found)(document(f"[{{a: {{call: 'stigmer:notify', with: {call}}}}}]"))

    assert "notification.templates.t in config.toml is none" in problem.message
    assert "notification.templates.t in config.toml is none" in caplog.text


@pytest.mark.parametrize(
    ("task", "pointer", "hint"),
    [
        ("call: 'stigmer:notify', with: {channel: m, recipients: [a], message: {body: b}}", "channel", "webhook, log"),
        ("call: 'stigmer:notify', with: {template: t, recipients: [a], message: {body: b}}", "template", "are none"),
        ("call: 'stigmer:human', with: {prompt: p, channels: [c, m]}", "channels/1", "there are log, c"),
        ("call: 'stigmer:human', with: {prompt: p, channels: [webhook]}", "channels/0", "type webhook"),
    ],
)
def test_a_channel_that_is_not_there_is_refused_when_it_is_written(document, task, pointer, hint):
    """With those that are."""
    (problem,) = Check(configured(c=MAIL))(document(f"[{{a: {{{task}}}}}]"))

    assert problem.pointer == f"/do/0/a/with/{pointer}"
    assert hint in problem.hint
