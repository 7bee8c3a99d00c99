"""Tokens to nodes, by precedence climbing.

Loosest first: `|` (right), `,`, `as`, `//` (right), `or`, `and`, comparison (none), `+ -`, `* / %`.
Source: jq's parser.y.
"""

from __future__ import annotations

from typing import NoReturn

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.failure import UnsupportedExpressionError
from stigmer_plugin_workflow_runner.expressions.lexer import Token, tokens

DEEPEST = 40  # nested terms; the parser takes a dozen frames of the stack for each
MOST_OPERATORS = 100  # in one chain, which nests as well

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("or",),
    ("and",),
    ("==", "!=", "<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/", "%"),
)
_COMPARISON = 2
_ASSIGNMENTS = {"=", "|=", "+=", "-=", "*=", "/=", "%=", "//="}
_KEYWORDS = {
    "def", "if", "then", "elif", "else", "end", "as", "reduce", "foreach", "try", "catch", "label", "import",
    "include", "and", "or", "__loc__",
}  # fmt: skip
_CONSTANTS = {"null": None, "true": True, "false": False}


def parse(text: str) -> syntax.Node:
    """Return the tree of an expression.

    Raises:
        UnsupportedExpressionError: the text is not jq, or not of the part that this version compiles.
    """
    return _Parser(tokens(text)).whole()


class _Parser:
    def __init__(self, stream: list[Token], depth: int = 0) -> None:
        self._stream = stream
        self._at = 0
        self._depth = depth

    def whole(self) -> syntax.Node:
        node = self._pipe()
        if self._token.kind != "end":
            self._unexpected()
        return node

    # Reading tokens

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

    def _unexpected(self, wanted: str = "") -> NoReturn:
        token = self._token
        if token.kind == "symbol" and token.value in _ASSIGNMENTS:
            self._unsupported(f"the assignment {token.value!r}")
        found = "the end" if token.kind == "end" else repr(token.value) if token.kind != "string" else "a string"
        raise UnsupportedExpressionError(f"unexpected {found}{', ' + wanted if wanted else ''}", token.position)

    def _unsupported(self, what: str) -> NoReturn:
        raise UnsupportedExpressionError(f"{what} is not supported by this version", self._token.position)

    # Operators

    def _pipe(self, *, comma: bool = True) -> syntax.Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnsupportedExpressionError("the expression is nested too deeply", self._token.position)
        node = self._comma() if comma else self._alternative()
        if self._accept("|"):
            node = syntax.Pipe(node, self._pipe(comma=comma))
        self._depth -= 1
        return node

    def _comma(self) -> syntax.Node:
        node, count = self._bound(), 0
        while self._accept(","):
            node = syntax.Comma(node, self._bound())
            count = self._counted(count)
        return node

    def _bound(self) -> syntax.Node:
        node = self._alternative()
        if not self._accept("as"):
            return node
        name = self._pattern()
        self._expect("|")
        return syntax.Bind(node, name, self._pipe())

    def _pattern(self) -> str:
        if self._token.kind != "variable":
            self._unsupported("a destructuring pattern")
        return str(self._take().value)

    def _alternative(self) -> syntax.Node:
        node = self._binary(0)
        if self._accept("//"):
            self._depth += 1
            node = syntax.Alternative(node, self._alternative())
            self._depth -= 1
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

    def _counted(self, count: int) -> int:
        if count >= MOST_OPERATORS:
            raise UnsupportedExpressionError("the chain of operators is too long", self._token.position)
        return count + 1

    # Terms

    def _postfix(self) -> syntax.Node:
        if self._accept("-"):
            return syntax.Negate(self._nested())
        return self._suffixes(self._term())

    def _nested(self) -> syntax.Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise UnsupportedExpressionError("the expression is nested too deeply", self._token.position)
        node = self._postfix()
        self._depth -= 1
        return node

    def _suffixes(self, node: syntax.Node) -> syntax.Node:
        count = 0
        while True:
            count = self._counted(count)
            if self._token.kind == "field":
                node = syntax.Index(node, syntax.Literal(self._take().value))
            elif self._is(".") and self._stream[self._at + 1].kind == "string":
                self._take()
                node = syntax.Index(node, self._string())
            elif self._is(".") and self._stream[self._at + 1].value == "[":
                self._take()
            elif self._accept("["):
                node = self._brackets(node)
            elif self._accept("?"):
                node = syntax.Try(node, None)
            else:
                return node

    def _brackets(self, target: syntax.Node) -> syntax.Node:
        if self._accept("]"):
            return syntax.Iterate(target)
        start = None if self._is(":") else self._pipe()
        if self._accept(":"):
            stop = None if self._is("]") else self._pipe()
            if start is None and stop is None:
                self._unexpected("expected a bound of the slice")
            self._expect("]")
            return syntax.Slice(target, start, stop)
        self._expect("]")
        return syntax.Index(target, start or syntax.Identity())

    def _term(self) -> syntax.Node:
        token = self._token
        match token.kind:
            case "number":
                return syntax.Literal(self._take().value)
            case "string":
                return self._string()
            case "field":
                return syntax.Index(syntax.Identity(), syntax.Literal(self._take().value))
            case "variable":
                return self._variable()
            case "name":
                return self._name()
            case "format":
                self._unsupported(f"the format {token.value!r}")
        return self._symbol()

    def _symbol(self) -> syntax.Node:
        if self._accept("."):
            return (
                syntax.Index(syntax.Identity(), self._string()) if self._token.kind == "string" else syntax.Identity()
            )
        if self._accept(".."):
            return syntax.Call("recurse", (), self._token.position)
        if self._accept("("):
            node = self._pipe()
            self._expect(")")
            return node
        if self._accept("["):
            body = None if self._is("]") else self._pipe()
            self._expect("]")
            return syntax.Array(body)
        if not self._accept("{"):
            self._unexpected()
        return self._object()

    def _variable(self) -> syntax.Node:
        name = str(self._token.value)
        if name in ("ENV", "__loc__", "__prog_args"):
            self._unsupported(f"${name}")
        self._take()
        return syntax.Variable(name)

    def _string(self) -> syntax.Node:
        parts = self._take().value
        if all(isinstance(part, str) for part in parts):
            return syntax.Literal("".join(parts))
        return syntax.Text(
            tuple(part if isinstance(part, str) else _Parser(part, self._depth + 1).whole() for part in parts)
        )

    def _name(self) -> syntax.Node:
        word = str(self._token.value)
        if word in _CONSTANTS:
            self._take()
            return syntax.Literal(_CONSTANTS[word])
        match word:
            case "if":
                self._take()
                return self._if()
            case "try":
                self._take()
                body = self._suffixes(self._term())
                handler = self._suffixes(self._term()) if self._accept("catch") else None
                return syntax.Try(body, handler)
            case "reduce":
                return self._reduce()
            case "def" | "foreach" | "label" | "import" | "include":
                self._unsupported(f"{word!r}")
        if word in _KEYWORDS:
            self._unexpected()
        return self._call()

    def _if(self) -> syntax.Node:
        condition = self._pipe()
        self._expect("then")
        then = self._pipe()
        if self._accept("elif"):
            return syntax.If(condition, then, self._if())
        otherwise = self._pipe() if self._accept("else") else syntax.Identity()
        self._expect("end")
        return syntax.If(condition, then, otherwise)

    def _reduce(self) -> syntax.Node:
        self._take()
        source = self._suffixes(self._term())
        self._expect("as")
        name = self._pattern()
        self._expect("(")
        start = self._pipe()
        self._expect(";")
        update = self._pipe()
        self._expect(")")
        return syntax.Reduce(source, name, start, update)

    def _call(self) -> syntax.Node:
        token = self._take()
        arguments: list[syntax.Node] = []
        if self._accept("("):
            arguments.append(self._pipe())
            while self._accept(";"):
                arguments.append(self._pipe())
            self._expect(")")
        return syntax.Call(str(token.value), tuple(arguments), token.position)

    # Objects

    def _object(self) -> syntax.Node:
        entries: list[tuple[syntax.Node, syntax.Node]] = []
        while not self._accept("}"):
            if entries:
                self._expect(",")
            entries.append(self._entry())
        return syntax.Object(tuple(entries))

    def _entry(self) -> tuple[syntax.Node, syntax.Node]:
        token = self._token
        if token.kind == "variable":
            self._take()
            key: syntax.Node = syntax.Literal(token.value)
            return key, self._value() if self._accept(":") else syntax.Variable(str(token.value))
        if token.kind == "name":
            key = syntax.Literal(self._take().value)
        elif token.kind == "string":
            key = self._string()
        elif token.kind == "number":
            self._unexpected("expected a key")
        else:
            self._expect("(")
            key = self._pipe()
            self._expect(")")
            self._expect(":")
            return key, self._value()
        return key, self._value() if self._accept(":") else syntax.Index(syntax.Identity(), key)

    def _value(self) -> syntax.Node:
        return self._pipe(comma=False)
