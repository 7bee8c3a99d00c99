"""The activity `notify`: a message, or a question, to people over a channel of the configuration."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.http import HttpActivity
from stigmer_plugin_workflow_runner.notifications import Notifications
from stigmer_plugin_workflow_runner.wiring import root_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from stigmer_core.program import ActivityContext, Json
    from stigmer_plugin_workflow_runner.notifications import Channel

logger = logging.getLogger(__name__)

LARGEST = {"webhook": 262_144, "email": 262_144, "slack": 40_000, "log": 262_144}  # characters; the third is Slack's
MOST_MAILS = 4  # on their way at a time: each has a thread
_LOGGED = 2_000  # characters of a message in the server's log
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.-]*)\}")


def notify_activity(
    notifications: Notifications | None,
    http: HttpActivity,
    *,
    allow: Sequence[str],
    transport: httpx.AsyncBaseTransport | None,
) -> Notify:
    """Return the activity; whoever runs the server may name private hosts for channels."""
    found = notifications or Notifications()
    urls = [str(channel.settings.get("url", "")) for channel in found.channels.values()]
    hosts = [host for url in urls if (host := urlsplit(url).hostname)]
    return Notify(found, http, trusted=HttpActivity(allow=[*allow, *hosts], transport=transport), allow=allow)


class Notify:
    """Sends messages over the channels of the configuration.

    Args:
        notifications: the channels and the templates.
        http: posts to URLs that come from documents.
        trusted: posts to the hosts that the configuration names, by host.
        allow: hosts and networks that may be reached although they are private.
    """

    def __init__(
        self, notifications: Notifications, http: HttpActivity, *, trusted: HttpActivity, allow: Sequence[str] = ()
    ) -> None:
        self._notifications = notifications
        self._http = http
        self._trusted = trusted
        self._allow = allow
        self._mails = asyncio.Semaphore(MOST_MAILS)

    async def __call__(self, arguments: Json, context: ActivityContext) -> Json:
        """Send one message; a repeated call sends it under the same key.

        Raises:
            ActivityError: the channel or the template is not there or configured wrongly, the message is too long or
                cannot be made, as the standard configuration error; or it could not be delivered.
        """
        asks = "question" in arguments
        channel = self._notifications.usable(arguments["channel"], asks=asks)
        if asks:
            recipients = list(arguments["question"].get("approvers", ()))
            message = _asked(arguments["question"], root_run(context.run_id))
            if channel.kind == "email":  # approvers are accounts, whose names may be addresses
                recipients = [*dict.fromkeys([*filter(_is_address, recipients), *channel.to])]
        else:
            message, recipients = self._rendered(arguments), arguments["recipients"]
        if len(message["body"]) + len(message.get("subject", "")) > LARGEST[channel.kind]:
            raise misconfigured(f"a message over {channel.name} has {LARGEST[channel.kind]} characters at most")
        await self._send(channel, recipients, message, context)
        return {"channel": channel.name}

    async def _send(self, channel: Channel, recipients: Sequence[str], message: Json, context: ActivityContext) -> None:
        match channel.kind:
            case "log":
                _log(recipients, message, context)
            case "email":
                await self._mail(channel, recipients, message, context)
            case "slack":
                await self._post(channel, {"text": slack_text(recipients, message)}, context)
            case _ if channel.settings:
                await self._post(channel, {**message, "recipients": list(recipients)}, context)
            case _:
                await self._to_each(recipients, message, context)

    async def _mail(self, channel: Channel, recipients: Sequence[str], message: Json, context: ActivityContext) -> None:
        from stigmer_plugin_workflow_runner.activities import mail  # noqa: PLC0415 - few installations send any

        if not recipients:
            raise misconfigured(
                f"nobody gets the mail: notification.channels.{channel.name} in config.toml has no 'to', and no "
                "approver is an address"
            )
        subject = message.get("subject") or message["body"].strip().partition("\n")[0]
        envelope = mail.envelope_of(channel, recipients, subject, message["body"], context)
        async with self._mails:
            await mail.send(channel, envelope, self._allow)

    async def _post(self, channel: Channel, body: Json, context: ActivityContext) -> None:
        """Post to a channel's own URL, which is a credential and so in no message."""
        url = channel.value("url")
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise misconfigured(f"notification.channels.{channel.name} in config.toml has a url that is none")
        await self._trusted(_request(url, body, f"the channel {channel.name!r}"), context)

    async def _to_each(self, recipients: Sequence[str], message: Json, context: ActivityContext) -> None:
        from dataclasses import replace  # noqa: PLC0415

        for index, recipient in enumerate(recipients):
            own = replace(context, command_key=f"{context.command_key}?to{index}")
            await self._http(_request(recipient, message, f"the receiver {index + 1}"), own)

    def _rendered(self, arguments: Json) -> dict[str, Any]:
        """Return a message, as its template has it when there is one."""
        message: dict[str, Any] = dict(arguments["message"])
        for part in ("subject", "body"):
            if part in message:
                message[part] = _text(message[part])
        name = arguments.get("template", "")
        if not name:
            return message
        template = self._notifications.template(name)
        known = {part: message.get(part, "") for part in ("subject", "body")} | dict(message.get("metadata") or {})
        return message | {part: filled_in(text, known, name) for part, text in template.items()}


def filled_in(text: str, values: Mapping[str, Json], name: str) -> str:
    """Return a template's text with values in the place of `{names}`; `{{` and `}}` are braces.

    Raises:
        ActivityError: a placeholder has no value, as the standard configuration error.
    """

    def one(match: re.Match[str]) -> str:
        key = match.group(1)
        if key is None:
            return match.group(0)[0]
        if key not in values:
            raise misconfigured(f"the template {name!r} needs {key!r}, which the metadata does not have")
        return _text(values[key])

    return _PLACEHOLDER.sub(one, text)


def slack_text(recipients: Sequence[str], message: Mapping[str, Any]) -> str:
    """Return a message as Slack's text. What would name people, channels or links in its markup is plain text."""
    parts = [f"*{message['subject']}*"] if message.get("subject") else []
    parts += [message["body"]]
    parts += [f"For {', '.join(recipients)}"] if recipients else []
    return "\n".join(parts).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _asked(question: Json, run: str) -> dict[str, Any]:
    """Return what people are told of a question: what it is, and how it is answered."""
    outcomes = [one["name"] for one in question["outcomes"]]
    answers = [f"{one['name']} ({one['label']})" if one["label"] else one["name"] for one in question["outcomes"]]
    approvers = ", ".join(question.get("approvers", ())) or "whoever may edit the run"
    lines = [question["prompt"], "", f"Run: {run}", f"Task: {question['task']}", f"Answers: {', '.join(answers)}"]
    lines += [f"To be answered by: {approvers}"]
    if question.get("payload") is not None:
        lines += ["", json.dumps(question["payload"], indent=2, ensure_ascii=False)[:_LOGGED]]
    lines += ["", f"stigmer runs answer {run} {question['task']} {outcomes[0]}"]
    subject = f"{'Escalated: ' if question['escalated'] else ''}an answer is needed for {question['task']}"
    about = {"execution": run, "task": question["task"], "outcomes": outcomes, "escalated": question["escalated"]}
    return {"subject": subject, "body": "\n".join(lines), "metadata": about}


def _request(url: str, body: Json, shown: str) -> Json:
    headers = {"Content-Type": "application/json"}
    return {"method": "POST", "uri": url, "headers": headers, "body": body, "shown": shown, "output": "raw"}


def _log(recipients: Sequence[str], message: Mapping[str, Any], context: ActivityContext) -> None:
    """Write a message to the server's log, at the level that is shown by default; it is what the author asked for."""
    logger.warning(
        "notification run=%s task=%s for=%r subject=%r body=%r",
        root_run(context.run_id),
        context.command_key,
        ", ".join(recipients)[:_LOGGED],
        message.get("subject", "")[:_LOGGED],
        message["body"][:_LOGGED],
    )


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_address(text: str) -> bool:
    from stigmer_plugin_workflow_runner.activities.mail import is_address  # noqa: PLC0415 - as in `_mail`

    return is_address(text)
