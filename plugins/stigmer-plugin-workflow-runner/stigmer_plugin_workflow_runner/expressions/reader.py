"""Reading tokens one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from stigmer_plugin_workflow_runner.expressions.failure import UnsupportedExpressionError

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.expressions.lexer import Token

DEEPEST = 40  # nested terms; the parser takes a dozen frames of the stack for each
MOST_OPERATORS = 100  # in one chain, which nests as well


class Reader:
    """A place in a list of tokens, and how deeply what is being read is nested."""

    def __init__(self, stream: list[Token], depth: int = 0) -> None:
        self._stream = stream
        self._at = 0
        self._depth = depth

    @property
    def _token(self) -> Token:
        return self._stream[self._at]

    def _is(self, *values: str) -> bool:
        return self._token.kind in ("symbol", "name") and self._token.value in values

    def _take(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _accept(self, value: str) -> bool:
        if self._is(value):
            self._at += 1
            return True
        return False

    def _expect(self, value: str) -> None:
        if not self._accept(value):
            self._unexpected(f"expected {value!r}")

    def _kind(self, kind: str, wanted: str) -> Token:
        if self._token.kind != kind:
            self._unexpected(f"expected {wanted}")
        return self._take()

    def _unexpected(self, wanted: str = "") -> NoReturn:
        token = self._token
        found = "the end" if token.kind == "end" else repr(token.value) if token.kind != "string" else "a string"
        raise UnsupportedExpressionError(f"unexpected {found}{', ' + wanted if wanted else ''}", token.position)

    def _unsupported(self, what: str) -> NoReturn:
        raise UnsupportedExpressionError(f"{what} is not supported by this version", self._token.position)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnsupportedExpressionError("the expression is nested too deeply", self._token.position)

    def _counted(self, count: int) -> int:
        if count >= MOST_OPERATORS:
            raise UnsupportedExpressionError("the chain of operators is too long", self._token.position)
        return count + 1
