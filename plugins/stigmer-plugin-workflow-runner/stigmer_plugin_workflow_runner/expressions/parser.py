"""Tokens to nodes, by precedence climbing.

Loosest first: `def`, `|` (right), `,`, `as`, `//` (right), assignments (none), `or`, `and`, comparison (none), `+ -`,
`* / %`. Source: jq's parser.y.
"""

from __future__ import annotations

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.lexer import Token, tokens
from stigmer_plugin_workflow_runner.expressions.terms import Terms

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and",),
    ("==", "!=", "<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)
_COMPARISON = 2
_ASSIGNMENTS = ("=", "|=", "+=", "-=", "*=", "/=", "%=", "//=")


def parse(text: str) -> syntax.Node:
    """Return the tree of an expression.

    Raises:
        UnsupportedExpressionError: the text is not jq, or not of the part that this version compiles.
    """
    return _Parser(tokens(text)).whole()


class _Parser(Terms):
    def whole(self) -> syntax.Node:
        node = self._pipe()
        if self._token.kind != "end":
            self._unexpected()
        return node

    def _nested(self, stream: list[Token]) -> syntax.Node:
        return _Parser(stream, self._depth + 1).whole()

    def _pipe(self, *, comma: bool = True) -> syntax.Node:
        self._deeper()
        node = self._query(comma=comma)
        self._depth -= 1
        return node

    def _query(self, *, comma: bool) -> syntax.Node:
        if comma and self._is("def"):
            return self._define()
        if comma and self._is("label"):
            return self._label()
        node = self._comma() if comma else self._operand()
        if self._accept("|"):
            return syntax.Pipe(node, self._pipe(comma=comma))
        return node

    def _define(self) -> syntax.Node:
        self._take()
        name = str(self._kind("name", "the name of a function").value)
        parameters: list[str] = []
        if self._accept("("):
            parameters.append(self._parameter())
            while self._accept(";"):
                parameters.append(self._parameter())
            self._expect(")")
        self._expect(":")
        body = self._pipe()
        self._expect(";")
        return syntax.Define(name, tuple(parameters), body, self._pipe())

    def _parameter(self) -> str:
        if self._token.kind == "variable":
            return f"${self._take().value}"
        return str(self._kind("name", "a parameter").value)

    def _label(self) -> syntax.Node:
        self._take()
        name = str(self._kind("variable", "the name of the label").value)
        self._expect("|")
        return syntax.Label(name, self._pipe())

    def _comma(self) -> syntax.Node:
        node, count = self._bound(), 0
        while self._accept(","):
            right = self._pipe() if self._is("def", "label") else self._bound()
            node = syntax.Comma(node, right)
            count = self._counted(count)
        return node

    def _bound(self) -> syntax.Node:
        node = self._operand()
        if not self._accept("as"):
            return node
        patterns = self._patterns()
        self._expect("|")
        return syntax.Bind(node, patterns, self._pipe())

    def _operand(self) -> syntax.Node:
        node = self._assignment()
        if self._accept("//"):
            self._deeper()
            node = syntax.Alternative(node, self._operand())
            self._depth -= 1
        return node

    def _assignment(self) -> syntax.Node:
        node = self._binary(0)
        if self._is(*_ASSIGNMENTS):
            node = syntax.Assign(str(self._take().value), node, self._binary(0))
            if self._is(*_ASSIGNMENTS):
                self._unexpected()
        return node

    def _binary(self, level: int) -> syntax.Node:
        if level == len(_LEVELS):
            return self._postfix()
        node, count = self._binary(level + 1), 0
        while self._is(*_LEVELS[level]):
            operator = str(self._take().value)
            right = self._binary(level + 1)
            logical = operator in ("and", "or")
            node = syntax.Logical(operator, node, right) if logical else syntax.Binary(operator, node, right)
            count = self._counted(count)
            if level == _COMPARISON and self._is(*_LEVELS[level]):
                self._unexpected()
        return node

    def _patterns(self) -> tuple[syntax.Pattern, ...]:
        found = [self._pattern()]
        while self._accept("?//"):
            self._counted(len(found))
            found.append(self._pattern())
        return tuple(found)

    def _pattern(self) -> syntax.Pattern:
        if self._token.kind == "variable":
            return syntax.Variable(str(self._take().value))
        self._deeper()
        if self._accept("["):
            parts = [self._pattern()]
            while self._accept(","):
                parts.append(self._pattern())
            self._expect("]")
            self._depth -= 1
            return syntax.Elements(tuple(parts))
        self._expect("{")
        entries = [self._field()]
        while self._accept(","):
            entries.append(self._field())
        self._expect("}")
        self._depth -= 1
        return syntax.Fields(tuple(entries))

    def _field(self) -> tuple[syntax.Node, syntax.Pattern | None]:
        token = self._token
        if token.kind == "variable":
            variable = syntax.Variable(str(self._take().value))
            return variable, self._pattern() if self._accept(":") else None
        key: syntax.Node
        if token.kind == "name":
            key = syntax.Literal(self._take().value)
        elif token.kind in ("string", "format"):
            key = self._term()
        else:
            self._expect("(")
            key = self._pipe()
            self._expect(")")
        self._expect(":")
        return key, self._pattern()
