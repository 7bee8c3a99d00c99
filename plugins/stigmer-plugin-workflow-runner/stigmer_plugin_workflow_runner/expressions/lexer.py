"""Text to tokens."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from sys import float_info
from typing import Any

from stigmer_plugin_workflow_runner.expressions.failure import UnsupportedExpressionError

LONGEST = 20_000  # characters; a longer expression is a program and belongs elsewhere
DEEPEST = 50  # strings inside interpolations inside strings

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#(?:\\(?:\\|\r?\n)|[^\n])*)
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<field>\.[A-Za-z_]\w*)
      | (?P<variable>\$[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)
      | (?P<name>[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)
      | (?P<format>@[A-Za-z0-9_]+)
      | (?P<symbol>\?//|\|=|//=|\+=|-=|\*=|/=|%=|==|!=|<=|>=|//|\.\.|[.\[\](){}|,:;=<>+\-*/%?])
    """,
    re.VERBOSE | re.ASCII,
)
_PLAIN = re.compile(r'[^"\\]+')
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})?)')


@dataclass(frozen=True, slots=True)
class Token:
    """A token: `value` is its text, a number, or the parts of a string (texts and lists of tokens).

    The value of the `end` token is the whole text.
    """

    kind: str
    value: Any
    position: int


def tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, with an `end` token last.

    Raises:
        UnsupportedExpressionError: a character that starts no token, an open string, a text that is too long.
    """
    if len(text) > LONGEST:
        raise UnsupportedExpressionError(f"an expression has at most {LONGEST} characters, this one has {len(text)}")
    found, position = _tokens(text, 0, depth=0)
    found.append(Token("end", text, position))
    return found


def _tokens(text: str, position: int, *, depth: int) -> tuple[list[Token], int]:
    found: list[Token] = []
    parentheses = 0
    while position < len(text):
        if text[position] == '"':
            token, position = _string(text, position, depth=depth)
            found.append(token)
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnsupportedExpressionError(f"unexpected character {text[position]!r}", position)
        parentheses += {"(": 1, ")": -1}.get(match.group(), 0)
        if parentheses < 0 and depth:
            return found, position
        if match.lastgroup != "space":
            found.append(_token(match))
        position = match.end()
    return found, position


def _token(match: re.Match[str]) -> Token:
    kind, word = str(match.lastgroup), match.group()
    if kind == "number":
        return Token(kind, _number(word), match.start())
    if kind in ("field", "variable"):
        return Token(kind, word[1:], match.start())
    return Token(kind, word, match.start())


def _number(word: str) -> float:
    """Return a literal's number; an integer keeps all of its digits, as in jq."""
    if word.isdigit() and len(word) <= float_info.max_10_exp:
        return int(word)
    return float(word)


def _whole(text: str) -> str:
    """Return text in which half a surrogate pair is U+FFFD, as in jq: it could not be stored."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _string(text: str, start: int, *, depth: int) -> tuple[Token, int]:
    if depth > DEEPEST:
        raise UnsupportedExpressionError("strings are nested too deeply", start)
    parts: list[str | list[Token]] = []
    position = start + 1
    while position < len(text):
        if text[position] == '"':
            return Token("string", parts, start), position + 1
        if text.startswith("\\(", position):
            inner, position = _tokens(text, position + 2, depth=depth + 1)
            if position >= len(text):
                break
            parts.append([*inner, Token("end", text, position)])
            position += 1
            continue
        match = _PLAIN.match(text, position) or _ESCAPE.match(text, position)
        if match is None:
            raise UnsupportedExpressionError("invalid escape or control character in a string", position)
        parts.append(_whole(json.loads(f'"{match.group()}"')))
        position = match.end()
    raise UnsupportedExpressionError("the string is not closed", start)
