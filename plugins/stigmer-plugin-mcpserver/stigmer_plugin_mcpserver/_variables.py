"""The variables of an MCP server: which it declares, what they are worth in one attempt, where they stand."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stigmer_plugin_mcpserver._failure import ConnectFailure, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACEHOLDER = re.compile(r"\$\{(" + NAME.pattern + r")\}")
_INHERITED = ("PATH", "HOME", "LANG")
# A shorter secret stands in ordinary words by chance.
_TELLING_CHARACTERS = 8


def placeholders(text: str) -> list[str]:
    """Return the names in the `${NAME}` placeholders of a text."""
    return _PLACEHOLDER.findall(text)


def declared(spec: Any) -> frozenset[str]:
    """Return the variables that a server may be given: those of `env`, and the one that OAuth would fill."""
    return frozenset(spec.env) | ({spec.auth.target_env_var} if spec.HasField("auth") else frozenset())


@dataclass(frozen=True, slots=True)
class Variables:
    """What a server's variables are worth in one attempt; `unused` names values that it does not declare."""

    values: Mapping[str, str]
    secrets: Mapping[str, str]
    unused: tuple[str, ...] = ()

    def fill(self, text: str, *, one_line: bool = False) -> str | None:
        """Return a text with its placeholders filled, or None when an optional variable of it has no value.

        Raises:
            ConnectFailure: a value has a character that cannot be passed on.
        """
        names = placeholders(text)
        if not all(name in self.values for name in names):
            return None
        for name in names:
            value = self.values[name]
            if "\0" in value or (one_line and not value.isprintable()):
                raise ConnectFailure(Reason.BAD_VALUE, f"the value of {name} has a line break or control character")
        return _PLACEHOLDER.sub(lambda match: self.values[match.group(1)], text)

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a child: an allow-list of this process's, and the variables.

        Raises:
            ConnectFailure: a value has a NUL character.
        """
        if broken := sorted(name for name, value in self.values.items() if "\0" in value):
            raise ConnectFailure(Reason.BAD_VALUE, f"the value of {broken[0]} has a NUL character")
        return {name: os.environ[name] for name in _INHERITED if name in os.environ} | dict(self.values)

    def hide(self, text: str) -> str:
        """Return a text of somebody else's without the secrets."""
        forms = {form for value in self.secrets.values() for form in (value, quote(value, safe=""), *value.split("\n"))}
        for form in sorted(forms - {""}, key=len, reverse=True):
            text = text.replace(form, "***")
        return text

    def leaked(self, body: bytes) -> str:
        """Return the name of a secret whose value stands in a message's bytes, or an empty string."""
        telling = {name: value for name, value in self.secrets.items() if len(value) >= _TELLING_CHARACTERS}
        return next((name for name, value in telling.items() if value.encode() in body), "")


def variables_of(spec: Any, given: Mapping[str, Any]) -> Variables:
    """Return what a server gets of the values that a caller gave.

    Args:
        spec: the server's.
        given: `ExecutionValue`s by name; an empty value counts as none.

    Raises:
        ConnectFailure: one that is not optional has no value; all of them are named.
    """
    names = declared(spec)
    values = {name: given[name].value for name in sorted(names) if name in given and given[name].value}
    missing = [name for name in sorted(names - set(values)) if not (name in spec.env and spec.env[name].optional)]
    if missing:
        text = f"no value for {', '.join(missing)}: give it in runtime_env, or declare it optional in spec.env"
        raise ConnectFailure(Reason.MISSING_VARIABLE, text)
    secrets = {
        name: value.value
        for name, value in given.items()
        if value.value and (value.is_secret or name not in spec.env or spec.env[name].is_secret)
    }
    return Variables(values, secrets, tuple(sorted(set(given) - names)))
