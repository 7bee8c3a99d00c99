"""Channels and templates of notifications, as `config.toml` has them under `notification`.

A channel that is configured wrongly is there with its problem: it is refused where a workflow names it, and everything
else works. Credentials never stand in the file: a setting says which variable or file has them.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.activities.failures import misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stigmer_core.program import Json

logger = logging.getLogger(__name__)

BUILT_IN = ("webhook", "log")
_KEYS: Mapping[str, tuple[str, ...]] = {
    "webhook": ("url", "url_env", "url_file"),
    "slack": ("url", "url_env", "url_file"),
    "email": ("host", "port", "tls", "ca_file", "from", "to", "user", "password_env", "password_file"),
}
_TLS_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_TEMPLATE_KEYS = ("subject", "body")
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to tell people something; `problem` says what is wrong with it, if anything is."""

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def port(self) -> int:
        """Return the port of the mail server."""
        return int(self.settings.get("port", _TLS_PORTS[self.tls]))

    @property
    def tls(self) -> str:
        """Return how a connection to the mail server is encrypted."""
        return str(self.settings.get("tls", "starttls"))

    @property
    def to(self) -> Sequence[str]:
        """Return the addresses that get what no recipient is named for."""
        return list(self.settings.get("to", ()))

    def value(self, name: str) -> str:
        """Return a setting that may stand elsewhere: in a variable of the server, or in a file.

        Raises:
            ActivityError: it is not there, as the standard configuration error; its value is in no message.
        """
        settings, where = self.settings, f"notification.channels.{self.name}"
        if name in settings:
            return str(settings[name])
        if f"{name}_env" in settings:
            found = os.environ.get(settings[f"{name}_env"], "")
            if not found:
                raise misconfigured(f"{where} in config.toml: the variable {settings[f'{name}_env']} is not set")
            return found
        try:
            return Path(settings[f"{name}_file"]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            detail = f"{where} in config.toml: {settings[f'{name}_file']} cannot be read"
            raise misconfigured(detail) from error


@dataclass(frozen=True, slots=True)
class Notifications:
    """All channels and templates, by name."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problem: str = ""  # of the table itself

    def refusal(self, name: str, *, asks: bool = False) -> tuple[str, str]:
        """Return why a channel cannot be used, and the way out; empty texts when it can.

        Args:
            name: the channel's.
            asks: whether it is to tell people of a question, which names no URLs.
        """
        if name in BUILT_IN and not (asks and name == "webhook"):
            return "", ""
        channel = self.channels.get(name)
        if channel is not None:
            return (channel.problem, "") if channel.problem else ("", "")
        if name == "webhook":
            return "the channel 'webhook' has no URL of its own", "one of the type webhook in config.toml has"
        known = ", ".join((*BUILT_IN[asks:], *self.channels))
        hint = f"there are {known}; others are tables [notification.channels.NAME] of config.toml"
        return f"there is no channel {name!r}" + (f": {self.problem}" if self.problem else ""), hint

    def usable(self, name: str, *, asks: bool = False) -> Channel:
        """Return a channel.

        Raises:
            ActivityError: there is none of this name, or it is configured wrongly.
        """
        message, hint = self.refusal(name, asks=asks)
        if message:
            raise misconfigured(f"{message} ({hint})" if hint else message)
        return self.channels.get(name) or Channel(name, name)

    def template_refusal(self, name: str) -> tuple[str, str]:
        """Return why a template cannot be used, and the way out; empty texts when it can."""
        if name in self.templates:
            return "", ""
        known = ", ".join(self.templates) or "none"
        hint = f"there are {known}; others are tables [notification.templates.NAME] of config.toml"
        return f"there is no template {name!r}" + (f": {self.problem}" if self.problem else ""), hint

    def template(self, name: str) -> Mapping[str, str]:
        """Return the texts of a template.

        Raises:
            ActivityError: there is none of this name.
        """
        message, hint = self.template_refusal(name)
        if message:
            raise misconfigured(f"{message} ({hint})")
        return self.templates[name]


def notifications_of(configuration: Mapping[str, Json]) -> Notifications:
    """Return what the configuration says of notifications; what is wrong with it is logged too."""
    found = _read(configuration)
    problems = [found.problem, *(channel.problem for channel in found.channels.values())]
    for problem in filter(None, problems):
        logger.warning("notifications misconfigured problem=%s", problem)
    return found


def _read(configuration: Mapping[str, Json]) -> Notifications:
    table = configuration.get("notification", {})
    if not isinstance(table, dict):
        return Notifications(problem="notification in config.toml is no table")
    unknown = [key for key in table if key not in ("channels", "templates")]
    problem = f"notification.{unknown[0]} in config.toml is neither channels nor templates" if unknown else ""
    channels, templates = table.get("channels", {}), table.get("templates", {})
    if not isinstance(channels, dict) or not isinstance(templates, dict):
        return Notifications(problem="notification.channels and notification.templates in config.toml are tables")
    wrong = [name for name, one in templates.items() if not _is_template(one)]
    if wrong:
        problem = f"notification.templates.{wrong[0]} in config.toml is none: a subject, a body or both, as texts"
    return Notifications(
        {name: _channel(name, settings) for name, settings in channels.items()},
        {name: one for name, one in templates.items() if _is_template(one)},
        problem,
    )


def _is_template(template: Json) -> bool:
    is_table = isinstance(template, dict) and bool(template)
    return is_table and all(name in _TEMPLATE_KEYS and isinstance(text, str) for name, text in template.items())


def _channel(name: str, settings: Json) -> Channel:
    """Return a channel with what is wrong with its settings."""
    where = f"notification.channels.{name} in config.toml"
    if not isinstance(settings, dict):
        return Channel(name, "", {}, f"{where} is no table")
    kind = str(settings.get("type", ""))
    given = {key: value for key, value in settings.items() if key != "type"}
    wrong = _wrong_with(name, kind, given)
    return Channel(name, kind, {} if wrong else given, f"{where} {wrong}" if wrong else "")


def _wrong_with(name: str, kind: str, given: Mapping[str, Any]) -> str:
    if name in BUILT_IN:
        return "has the name of a channel that is always there"
    if kind not in _KEYS:
        return f"has no type of {', '.join(_KEYS)}"
    unknown = [key for key in given if key not in _KEYS[kind]]
    if "password" in unknown:
        return "has a password: name the variable that has it in password_env, or the file in password_file"
    if unknown:
        return f"has the unknown key {unknown[0]!r}: known are {', '.join(('type', *_KEYS[kind]))}"
    texts = [key for key in given if key not in ("port", "to") and not (isinstance(given[key], str) and given[key])]
    if texts:
        return f"has a {texts[0]} that is no text"
    return _wrong_email(given) if kind == "email" else _wrong_url(given)


def _wrong_url(given: Mapping[str, Any]) -> str:
    if len(given) != 1:
        return "has one of url, url_env and url_file"
    return "" if str(given.get("url", "https://")).startswith(("https://", "http://")) else "has a url that is none"


def _wrong_email(given: Mapping[str, Any]) -> str:
    from stigmer_plugin_workflow_runner.activities.mail import is_address, sender_of  # noqa: PLC0415 - needed by few

    port, to = given.get("port", 25), given.get("to", [])
    if "host" not in given or not sender_of(str(given.get("from", ""))):
        return "has a host, and a from that is an address"
    if given.get("tls", "starttls") not in _TLS_PORTS:
        return f"has a tls of {', '.join(_TLS_PORTS)}"
    if not isinstance(port, int) or not 0 < port <= _HIGHEST_PORT:
        return "has a port that is none"
    if not isinstance(to, list) or not all(isinstance(one, str) and is_address(one) for one in to):
        return "has a to that is no list of addresses"
    return _wrong_login(given)


def _wrong_login(given: Mapping[str, Any]) -> str:
    secrets = [key for key in ("password_env", "password_file") if key in given]
    if len(secrets) != ("user" in given):
        return "has a user with one of password_env and password_file, or neither"
    return "has a password, which is sent over TLS only" if secrets and given.get("tls") == "none" else ""
