"""Notifications over SMTP, to a server on this machine."""

from __future__ import annotations

import email
from email.policy import default

import pytest
from mail_server import AUTHORITY, mail_server
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.activities.notify import notify_activity
from stigmer_plugin_workflow_runner.notifications import notifications_of

from stigmer_core.program import ActivityContext, ActivityError

CONTEXT = ActivityContext("wex_1", "/do/0/tell", 1)
MESSAGE = {"subject": "Grüße", "body": "first\n.second\n"}


@pytest.fixture
def send(tmp_path, monkeypatch):
    """A function that sends a mail over a channel with some settings."""
    monkeypatch.setenv("MAIL_PASSWORD", "s3cret")
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def go(server, message=MESSAGE, recipients=("ann@example.com",), **settings):
        own = {"type": "email", "host": "localhost", "port": server.port, "from": "Stigmer <s@example.org>"}
        own |= {"ca_file": str(tmp_path / "ca.pem"), "tls": "none", **settings}
        found = notifications_of({"notification": {"channels": {"mail": own}}})
        activity = notify_activity(found, HttpActivity(), allow=[], transport=None)
        return await activity({"channel": "mail", "recipients": list(recipients), "message": message}, CONTEXT)

    return go


def parsed(server):
    return email.message_from_string(server.messages[-1], policy=default)


async def test_a_mail_arrives(send):
    """With its text as it was, from whom the channel says, to everybody in one message."""
    async with mail_server() as server:
        await send(server, recipients=["ann@example.com", "bob@example.com"])

    mail = parsed(server)
    assert (mail["Subject"], mail["From"], mail["To"]) == (
        "Grüße", "Stigmer <s@example.org>", "ann@example.com, bob@example.com",
    )  # fmt: skip
    assert server.recipients == ["ann@example.com", "bob@example.com"]
    assert mail.get_content().replace("\r\n..second", "\r\n.second").splitlines() == ["first", ".second"]


async def test_a_repeated_mail_has_the_same_id(send):
    """So that a mailbox keeps one of them."""
    async with mail_server() as server:
        await send(server)
        await send(server)

    first, second = (email.message_from_string(text)["Message-ID"] for text in server.messages)
    assert (first, first.endswith("@example.org>")) == (second, True)


@pytest.mark.parametrize("subject", ["a\r\nBcc: eve@example.com", "a\nX: y", "a\u2028\x0bBcc: eve@example.com"])
async def test_a_subject_is_one_header(send, subject):
    """Data cannot add others."""
    async with mail_server() as server:
        await send(server, {"subject": subject, "body": "\r\n.\r\nRCPT TO:<eve@example.com>\r\n"})

    assert sorted(parsed(server)) == sorted([
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
        "MIME-Version",
    ])  # fmt: skip
    assert server.recipients == ["ann@example.com"]


WRONG = ("ann", "a@b\r\nRCPT TO:<e@x>", "a b@x.org", "<a@x.org>", "a@x.org,b@x.org", "a@" + "x" * 300, "ü@x.org", "")


@pytest.mark.parametrize("address", WRONG)
async def test_what_is_no_address_gets_no_mail(send, address):
    """A configuration error, and nothing is sent to anybody."""
    async with mail_server() as server:
        with pytest.raises(ActivityError) as caught:
            await send(server, recipients=["ann@example.com", address])

    assert (caught.value.failure.status, server.messages, server.recipients) == (400, [], [])


async def test_a_refused_recipient_means_that_nobody_gets_it(send):
    """A repeated call would send it again to all others."""
    async with mail_server(**{"RCPT TO:<bob": "550 unknown"}) as server:
        with pytest.raises(ActivityError) as caught:
            await send(server, recipients=["ann@example.com", "bob@example.com"])

    assert (caught.value.failure.status, caught.value.failure.retryable, server.messages) == (500, False, [])
    assert "bob@example.com: unknown" in caught.value.failure.detail


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_password_is_sent_over_tls(send, tls):
    """From the variable that the channel names; the certificate is checked against the host's name."""
    async with mail_server(tls=tls == "tls") as server:
        await send(server, tls=tls, user="me", password_env="MAIL_PASSWORD")

    assert (server.encrypted, server.logins, len(server.messages)) == (True, ["\0me\0s3cret"], 1)


async def test_a_certificate_that_nobody_knows_is_refused(send, tmp_path):
    """Nothing is said to such a server."""
    other = tmp_path / "other.pem"
    type(AUTHORITY)().cert_pem.write_to_path(other)
    async with mail_server(tls=True) as server:
        with pytest.raises(ActivityError) as caught:
            await send(server, tls="tls", ca_file=str(other), user="me", password_env="MAIL_PASSWORD")

    assert ("certificate" in caught.value.failure.detail.lower(), server.logins) == (True, [])


async def test_a_password_is_in_no_error(send):
    """The standard authentication error says that it was not accepted."""
    async with mail_server(AUTH="535 no") as server:
        with pytest.raises(ActivityError) as caught:
            await send(server, tls="starttls", user="me", password_env="MAIL_PASSWORD")

    assert caught.value.failure.status == 401
    assert "s3cret" not in caught.value.failure.detail


async def test_a_busy_server_may_be_tried_again(send):
    """Codes below 500 say so."""
    async with mail_server(DATA="451 later") as server:
        with pytest.raises(ActivityError) as caught:
            await send(server)

    assert caught.value.failure.retryable


async def test_a_server_without_tls_gets_no_mail(send):
    """Unless the channel says `tls = "none"`."""
    async with mail_server(STARTTLS="502 what?") as server:
        with pytest.raises(ActivityError) as caught:
            await send(server, tls="starttls")

    assert (caught.value.failure.status, server.messages) == (500, [])


async def test_a_mail_server_is_no_metadata_service(send):
    """What no workflow may reach, no channel may either."""
    async with mail_server() as server:
        with pytest.raises(ActivityError) as caught:
            await send(server, host="169.254.169.254")

    assert "no workflow may reach" in caught.value.failure.detail
