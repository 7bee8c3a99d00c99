"""Regular expressions without backtracking trouble: each place of the pattern visits each place of the text once.

The time is the product of both lengths, whatever the pattern, and the match is the one that backtracking finds.
Source: Russ Cox, "Regular Expression Matching: the Virtual Machine Approach".
"""

from __future__ import annotations

import re._constants as c  # type: ignore[import-not-found]
import re._parser as p  # type: ignore[import-not-found]
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stigmer_plugin_workflow_runner.expressions.budget import Budget

LONGEST = 2_000  # instructions; `{20}` repeats what is before it so often
_CHUNK = 256  # steps are taken from the budget in portions

Instruction: TypeAlias = "tuple[str, Any, Any]"


class UnsupportedPatternError(ValueError):
    """The pattern looks around or back, which this engine does not."""


class Automaton:
    """A compiled pattern."""

    def __init__(self, pattern: str, flags: int) -> None:
        parsed = p.parse(pattern, flags)
        self.groups: int = parsed.state.groups
        self.names: dict[str, int] = parsed.state.groupdict
        self._flags = flags | parsed.state.flags
        self._program: list[Instruction] = []
        self._add("save", 0)
        self._sequence(parsed)
        self._add("save", 1)
        self._add("match")

    def search(self, text: str, start: int, budget: Budget) -> list[int] | None:
        """Return where the first match from a position on starts and ends, and likewise its groups; -1 for none."""
        seen: set[int] = set()
        for at in range(start, len(text) + 1):
            found = self._match(text, at, seen, budget)
            if found is not None:
                return found
        return None

    def _match(self, text: str, start: int, seen: set[int], budget: Budget) -> list[int] | None:
        slots = [-1] * (2 * self.groups)
        stack: list[tuple[int, int]] = [(0, start)]
        budget.spend()
        while stack:
            at, position = stack.pop()
            if at < 0:  # going back over a `save`
                slots[~at] = position
            elif self._follow(text, at, position, slots, stack, seen, budget):
                return slots
        return None

    def _follow(  # noqa: PLR0917 - one step of the search, kept out of it for its length
        self,
        text: str,
        at: int,
        position: int,
        slots: list[int],
        stack: list[tuple[int, int]],
        seen: set[int],
        budget: Budget,
    ) -> bool:
        """Follow the first way from a place; the others are put on the stack. Return whether it ends in a match."""
        program, width = self._program, len(text) + 1
        while at * width + position not in seen:
            seen.add(at * width + position)
            if len(seen) % _CHUNK == 0:
                budget.spend(_CHUNK)
            name, first, second = program[at]
            at += 1
            match name:
                case "test" if position < len(text) and first(text[position]):
                    position += 1
                case "split":
                    stack.append((second, position))
                    at = first
                case "jump":
                    at = first
                case "save":
                    stack.append((~first, slots[first]))
                    slots[first] = position
                case "at" if first(text, position):
                    pass
                case _:
                    return name == "match"
        return False

    # Compiling

    def _add(self, name: str, first: Any = None, second: Any = None) -> int:
        if len(self._program) >= LONGEST:
            raise UnsupportedPatternError("the pattern is too long")
        self._program.append((name, first, second))
        return len(self._program) - 1

    def _sequence(self, items: Any) -> None:
        for operation, argument in items:
            self._item(operation, argument)

    def _item(self, operation: Any, argument: Any) -> None:
        if operation is c.AT:
            self._add("at", _anchor(argument))
        elif operation is c.BRANCH:
            self._branch(argument[1])
        elif operation is c.SUBPATTERN:
            self._group(*argument)
        elif operation in (c.MAX_REPEAT, c.MIN_REPEAT):
            self._repeat(*argument, greedy=operation is c.MAX_REPEAT)
        else:
            self._add("test", _tested(operation, argument, self._flags))

    def _group(self, number: int | None, added: int, removed: int, items: Any) -> None:
        outer, self._flags = self._flags, (self._flags | added) & ~removed
        if number is not None:
            self._add("save", 2 * number)
        self._sequence(items)
        if number is not None:
            self._add("save", 2 * number + 1)
        self._flags = outer

    def _branch(self, alternatives: Any) -> None:
        ends = []
        for alternative in alternatives[:-1]:
            fork = self._add("split")
            self._sequence(alternative)
            ends.append(self._add("jump"))
            self._program[fork] = ("split", fork + 1, len(self._program))
        self._sequence(alternatives[-1])
        for end in ends:
            self._program[end] = ("jump", len(self._program), None)

    def _repeat(self, least: int, most: Any, items: Any, *, greedy: bool) -> None:
        for _ in range(least):
            self._sequence(items)
        if most is c.MAXREPEAT:
            fork = self._add("split")
            self._sequence(items)
            self._add("jump", fork)
            self._fork(fork, len(self._program), greedy=greedy)
            return
        forks = []
        for _ in range(most - least):
            forks.append(self._add("split"))
            self._sequence(items)
        for fork in forks:
            self._fork(fork, len(self._program), greedy=greedy)

    def _fork(self, at: int, end: int, *, greedy: bool) -> None:
        self._program[at] = ("split", at + 1, end) if greedy else ("split", end, at + 1)


def _anchor(kind: Any) -> Callable[[str, int], bool]:
    def is_border(text: str, at: int) -> bool:
        return (at > 0 and _is_word(text[at - 1])) != (at < len(text) and _is_word(text[at]))

    anchors: dict[Any, Callable[[str, int], bool]] = {
        c.AT_BEGINNING: lambda _text, at: at == 0,
        c.AT_BEGINNING_STRING: lambda _text, at: at == 0,
        c.AT_END: lambda text, at: at == len(text) or (at == len(text) - 1 and text[at] == "\n"),
        c.AT_END_STRING: lambda text, at: at == len(text),
        c.AT_BOUNDARY: is_border,
        c.AT_NON_BOUNDARY: lambda text, at: not is_border(text, at),
    }
    return anchors[kind]


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    c.CATEGORY_DIGIT: str.isdecimal,
    c.CATEGORY_NOT_DIGIT: lambda letter: not letter.isdecimal(),
    c.CATEGORY_SPACE: str.isspace,
    c.CATEGORY_NOT_SPACE: lambda letter: not letter.isspace(),
    c.CATEGORY_WORD: _is_word,
    c.CATEGORY_NOT_WORD: lambda letter: not _is_word(letter),
}


def _tested(operation: Any, argument: Any, flags: int) -> Callable[[str], bool]:
    """Return the test of one character."""
    ignore_case = bool(flags & p.SRE_FLAG_IGNORECASE)
    if operation is c.ANY:
        return (lambda _letter: True) if flags & p.SRE_FLAG_DOTALL else (lambda letter: letter != "\n")
    if operation in (c.LITERAL, c.NOT_LITERAL):
        known = {argument, *(map(ord, _cases(chr(argument))) if ignore_case else ())}
        return lambda letter: (ord(letter) in known) is (operation is c.LITERAL)
    if operation is not c.IN:
        raise UnsupportedPatternError("it looks around or back")
    parts = list(argument)
    negated = parts[0][0] is c.NEGATE
    tests = list(_members(parts[1:] if negated else parts))

    def test(letter: str) -> bool:
        letters = _cases(letter) if ignore_case else (letter,)
        return any(member(one) for one in letters for member in tests) is not negated

    return test


def _members(parts: list[tuple[Any, Any]]) -> Iterator[Callable[[str], bool]]:
    for operation, argument in parts:
        if operation is c.CATEGORY:
            yield _CATEGORIES[argument]
        else:
            low, high = argument if operation is c.RANGE else (argument, argument)
            yield lambda letter, low=low, high=high: low <= ord(letter) <= high  # type: ignore[misc]


def _cases(letter: str) -> tuple[str, ...]:
    return tuple(case for case in (letter, letter.lower(), letter.upper()) if len(case) == 1)
