"""Mail, over SMTP: one message to all of its recipients, or to none of them."""

from __future__ import annotations

import asyncio
import hashlib
import re
import smtplib
import socket
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import formatdate, parseaddr
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.addresses import AddressPolicy, ForbiddenAddressError
from stigmer_plugin_workflow_runner.activities.failures import AUTHENTICATION, failed, misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stigmer_core.program import ActivityContext, ActivityError
    from stigmer_plugin_workflow_runner.notifications import Channel

MOST_RECIPIENTS = 100
SECONDS = 30.0  # that the mail server may take for one answer
_LONGEST_ADDRESS = 254
_LONGEST_SUBJECT = 500
_REFUSED, _PERMANENT = 300, 500  # codes of SMTP from which on nothing was done, and will not be
# One mailbox in ASCII, without what separates them in a header, names them or ends the line
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message as it goes over the wire, from whom and to whom."""

    sender: str
    recipients: Sequence[str]
    content: bytes


def is_address(text: str) -> bool:
    """Return whether a text is the address of one mailbox."""
    local, _, domain = text.rpartition("@")
    dots = ".." in text or local.startswith(".") or local.endswith(".") or not domain
    return len(text) <= _LONGEST_ADDRESS and not dots and _ADDRESS.fullmatch(text) is not None


def sender_of(text: str) -> str:
    """Return the address in `Name <address>`, empty when there is none."""
    address = parseaddr(text)[1]
    return address if is_address(address) and "\n" not in text and "\r" not in text else ""


def envelope_of(
    channel: Channel, recipients: Sequence[str], subject: str, body: str, context: ActivityContext
) -> Envelope:
    """Return a message. Its Message-ID is the same for a repeated call, so that a mailbox keeps one of them.

    Raises:
        ActivityError: a recipient is no address, or the text cannot be sent, as the standard configuration error.
    """
    if not 0 < len(recipients) <= MOST_RECIPIENTS:
        raise misconfigured(f"a mail has 1 to {MOST_RECIPIENTS} recipients, not {len(recipients)}")
    wrong = [recipient for recipient in recipients if not is_address(recipient)]
    if wrong:
        raise misconfigured(f"{wrong[0][:_LONGEST_ADDRESS]!r} is no address of mail")
    written = str(channel.settings["from"])
    sender = sender_of(written)
    digest = hashlib.sha256(f"{context.run_id}\n{context.command_key}".encode()).hexdigest()
    message = EmailMessage(policy=SMTP_POLICY)
    try:
        message["From"] = Address(parseaddr(written)[0], addr_spec=sender)
        message["To"] = [Address(addr_spec=recipient) for recipient in recipients]
        message["Subject"] = " ".join(subject.split())[:_LONGEST_SUBJECT]  # on one line: it is no other header
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = f"<{digest[:40]}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered
        message.set_content(body)
        return Envelope(sender, list(recipients), message.as_bytes())
    except (ValueError, UnicodeError) as error:  # a lone surrogate
        raise misconfigured(f"the mail cannot be written: {type(error).__name__}") from error


async def send(channel: Channel, envelope: Envelope, allow: Sequence[str]) -> None:
    """Send a message.

    The host of a channel was named by whoever runs the server, so it may be a private one. When this is cancelled, a
    message that is on its way still arrives.

    Raises:
        ActivityError: the server cannot be reached or refuses it, as the standard communication error.
    """
    policy = AddressPolicy([*allow, str(channel.settings["host"])])
    password = channel.value("password") if "user" in channel.settings else ""
    where = f"the mail server of the channel {channel.name!r}"
    try:
        await asyncio.to_thread(_send, channel, envelope, policy, password)
    except ForbiddenAddressError as error:
        raise misconfigured(str(error)) from error
    except smtplib.SMTPAuthenticationError as error:
        detail = f"{where} does not accept user and password"
        raise failed(401, detail, kind=AUTHENTICATION) from error
    except smtplib.SMTPResponseException as error:
        text = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise failed(500, f"{where}: {error.smtp_code} {text}", retryable=error.smtp_code < _PERMANENT) from error
    except (smtplib.SMTPException, OSError) as error:
        raise _unreachable(where, error) from error


def _unreachable(where: str, error: Exception) -> ActivityError:
    return failed(500, f"{where}: {error or type(error).__name__}", retryable=not isinstance(error, ssl.SSLError))


def _send(channel: Channel, envelope: Envelope, policy: AddressPolicy, password: str) -> None:
    """Send a message, blocking. A refused recipient ends it before anything was sent."""
    context = ssl.create_default_context(cafile=channel.settings.get("ca_file"))
    client = _connected(channel, envelope, policy, context)
    try:
        if channel.tls == "starttls":
            client.starttls(context=context)
        client.ehlo_or_helo_if_needed()
        if password:
            client.login(str(channel.settings["user"]), password)
        _require(client.mail(envelope.sender))
        for recipient in envelope.recipients:
            _require(client.rcpt(recipient), f"{recipient}: ")
        _require(client.data(envelope.content))
    finally:
        client.close()  # without QUIT: the message was taken or it was not


def _require(answer: tuple[int, bytes], about: str = "") -> None:
    if answer[0] >= _REFUSED:
        raise smtplib.SMTPResponseException(answer[0], about.encode() + answer[1])


def _connected(channel: Channel, envelope: Envelope, policy: AddressPolicy, context: ssl.SSLContext) -> smtplib.SMTP:
    host, name = str(channel.settings["host"]), envelope.sender.rpartition("@")[2]
    if channel.tls == "tls":
        return _CheckedTls(policy.check, host, channel.port, local_hostname=name, timeout=SECONDS, context=context)
    return _Checked(policy.check, host, channel.port, local_hostname=name, timeout=SECONDS)


class _Checked(smtplib.SMTP):
    """Connects only to addresses that were checked; the certificate is the host name's."""

    def __init__(self, check: Callable[[str, str], None], *arguments: Any, **named: Any) -> None:
        self._check = check
        super().__init__(*arguments, **named)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self._check(host, address)
        failure: OSError = OSError(f"{host} has no address")
        for address in addresses:
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                failure = error
        raise failure


class _CheckedTls(_Checked):
    """Likewise, and speaks TLS from the first byte on."""

    def __init__(self, *arguments: Any, context: ssl.SSLContext, **named: Any) -> None:
        self._context = context
        super().__init__(*arguments, **named)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        return self._context.wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)
