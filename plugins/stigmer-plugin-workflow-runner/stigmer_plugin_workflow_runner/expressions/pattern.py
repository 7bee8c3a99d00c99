"""Regular expressions that are safe on any text.

Python's engine backtracks, so a pattern from a document could hold up everything for years. It gets the patterns
that cannot: without a repeated group and with at most one repetition without a bound. All others run on an automaton,
and those that look around or back are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from stigmer_plugin_workflow_runner.expressions.automaton import Automaton
from stigmer_plugin_workflow_runner.expressions.failure import JqError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_plugin_workflow_runner.expressions.budget import Budget
    from stigmer_plugin_workflow_runner.expressions.values import Json

    Search: TypeAlias = "Callable[[str, int, Budget], list[int] | None]"

_GENERAL = re.compile(r"\)\s*(?:[*+?]|\{)|(?<!\\)\{")  # a repeated group, a counted repetition
_UNBOUNDED = re.compile(r"(?<!\\)[*+]")
_OPTIONAL = re.compile(r"(?<![\\(*+])\?")
_MOST_OPTIONAL = 3
_LINEAR = re.compile(r"\^[^|]*|[^*+]*(?:[*+]\??\)*)?", re.DOTALL)  # what is tried once only, or cannot fail late
_BACKWARDS = re.compile(r"\\\\|(?P<found>\(\?(?:<?[=!]|>|\()|\\[1-9kgKGRXpP]|[*+?}]\+)")
_FLAGS = {"i": re.IGNORECASE, "x": re.VERBOSE, "p": re.DOTALL}
_OTHER_FLAGS = "gnsl"
_STEPS_PER_MATCH = 4  # a match is an object of five parts
# Perl's syntax in Python's words: \z is Python's \Z, \Z is its $, and {,2} is text
_TRANSLATED = re.compile(r"\\z|\\Z|\\\\|\\.|\(\?<(?![=!])|\[:(\^?)([a-z]+):\]|\{,", re.DOTALL)
_LETTERS = "a-zA-Zª-\u02afͰ-ϿЀ-ӿ"
_CLASSES = {
    "alnum": f"0-9{_LETTERS}",
    "alpha": _LETTERS,
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "\\d",
    "lower": "a-zß-öø-ÿ",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-ZÀ-ÖØ-Þ",
    "word": "\\w",
    "xdigit": "0-9A-Fa-f",
}


def matches(pattern: str, text: str, flags: str, budget: Budget) -> bool:
    """Return whether a pattern is found anywhere in a text.

    Raises:
        JqError: the pattern is no regular expression, or one that this version refuses to run.
        BudgetExceededError: the text is too long for the pattern.
    """
    return next(_spans(_compile(pattern, flags), text, flags.replace("g", ""), budget), None) is not None


def found_matches(pattern: str, text: str, flags: str, budget: Budget) -> list[Json]:
    """Return the first match of a pattern, or all with the flag `g`, as objects.

    Raises:
        JqError: as above.
        BudgetExceededError: as above.
    """
    compiled = _compile(pattern, flags)
    return [_match_object(compiled, text, span) for span in _spans(compiled, text, flags, budget)]


class _Compiled:
    def __init__(self, search: Search, groups: int, names: dict[int, str], *, is_linear: bool = True) -> None:
        self.search = search
        self.groups = groups
        self.names = names
        self.is_linear = is_linear


def _spans(compiled: _Compiled, text: str, flags: str, budget: Budget) -> Iterator[list[int]]:
    start = 0
    budget.spend(len(text) // 64 if compiled.is_linear else len(text) ** 2 // 4096)  # of all searches together
    while start <= len(text):
        budget.spend(_STEPS_PER_MATCH)
        found = compiled.search(text, start, budget)
        if found is None:
            return
        is_ignored = found[0] == found[1] and "n" in flags
        if not is_ignored:
            yield found
            if "g" not in flags:
                return
        start = found[1] + (found[0] == found[1])


def _match_object(compiled: _Compiled, text: str, span: list[int]) -> Json:
    captures = [
        {**_part(text, *span[2 * group : 2 * group + 2]), "name": compiled.names.get(group)}
        for group in range(1, compiled.groups)
    ]
    start, stop = span[:2]
    return {"offset": start, "length": stop - start, "string": text[start:stop], "captures": captures}


def _part(text: str, start: int, stop: int) -> dict[str, Json]:
    if start < 0 or stop < 0:
        return {"offset": -1, "string": None, "length": 0}
    if start == stop:
        return {"offset": start, "string": "", "length": 0}
    return {"offset": start, "length": stop - start, "string": text[start:stop]}


@lru_cache(maxsize=256)
def _compile(pattern: str, flags: str) -> _Compiled:
    combined = re.RegexFlag(0)
    for flag in flags:
        if flag not in _FLAGS and flag not in _OTHER_FLAGS:
            raise JqError(f"{flags} is not a valid modifier string")
        combined |= _FLAGS.get(flag, re.RegexFlag(0))
    if "l" in flags:
        raise JqError("the flag 'l' is not supported by this version")
    if any(match["found"] for match in _BACKWARDS.finditer(pattern)):
        raise JqError(f"the pattern {pattern!r} is not supported by this version: it may take too long")
    translated = _TRANSLATED.sub(_translated, pattern)
    try:
        return _simple(translated, combined) if _is_simple(pattern) else _general(translated, combined)
    except (re.error, ValueError, OverflowError, RecursionError) as error:
        raise JqError(f"Regex failure: {pattern}: {error}") from error


def _is_simple(pattern: str) -> bool:
    return (
        not _GENERAL.search(pattern)
        and len(_UNBOUNDED.findall(pattern)) <= 1
        and len(_OPTIONAL.findall(pattern)) <= _MOST_OPTIONAL
    )


def _translated(match: re.Match[str]) -> str:
    found = match.group()
    if found.startswith("[:"):
        negated, name = match.groups()
        if negated or name not in _CLASSES:
            raise JqError(f"Regex failure: the class {found} is not supported by this version")
        return _CLASSES[name]
    return {"\\z": "\\Z", "\\Z": "$", "(?<": "(?P<", "{,": "\\{,"}.get(found, found)


def _simple(pattern: str, flags: re.RegexFlag) -> _Compiled:
    compiled = re.compile(pattern, flags)
    groups = compiled.groups + 1

    def search(text: str, start: int, budget: Budget) -> list[int] | None:
        found = compiled.search(text, start)
        budget.copy((found.end() if found else len(text)) - start)
        return None if found is None else [bound for group in range(groups) for bound in found.span(group)]

    names = {group: name for name, group in compiled.groupindex.items()}
    return _Compiled(search, groups, names, is_linear=_LINEAR.fullmatch(pattern) is not None)


def _general(pattern: str, flags: re.RegexFlag) -> _Compiled:
    automaton = Automaton(pattern, int(flags))
    return _Compiled(automaton.search, automaton.groups, {group: name for name, group in automaton.names.items()})
