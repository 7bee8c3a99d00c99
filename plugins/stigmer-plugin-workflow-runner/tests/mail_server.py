"""A mail server on this machine: it speaks enough of SMTP, keeps what it takes, and refuses what it is told to."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trustme

AUTHORITY = trustme.CA()


def certificate():
    """Return a server's context for `localhost`."""
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(context)
    return context


@dataclass
class MailServer:
    """What was said and taken. `refuses` has the answers to lines that begin so."""

    port: int = 0
    messages: list[str] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    encrypted: bool = False

    async def serve(self, reader, writer):
        """Talk to one client until it goes."""
        writer.write(b"220 here\r\n")
        while line := (await reader.readline()).decode().strip():
            said = line.upper()
            answer = next((text for start, text in self.refuses.items() if said.startswith(start.upper())), None)
            if answer is None:
                answer = await self.answer(line, reader, writer)
            writer.write(f"{answer}\r\n".encode())
            if line == "STARTTLS" and answer.startswith("220"):
                await writer.start_tls(certificate())
                self.encrypted = True
        writer.close()

    async def answer(self, line, reader, writer):
        """Do what a line asks for, and return the answer to it."""
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                return "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN"
            case "STARTTLS":
                return "220 go on"
            case "AUTH":
                self.logins.append(base64.b64decode(rest.split()[1]).decode())
                return "235 welcome"
            case "RCPT":
                self.recipients.append(rest[len("TO:<") : -1])
            case "DATA":
                writer.write(b"354 tell me\r\n")
                text = await reader.readuntil(b"\r\n.\r\n")
                self.messages.append(text[:-5].decode())
        return "250 fine"


@asynccontextmanager
async def mail_server(*, tls=False, **refuses):
    """Serve on a free port."""
    made = MailServer(refuses=refuses, encrypted=tls)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=certificate() if tls else None)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made
