"""Tokens to nodes: what stands between operators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.expressions import syntax
from stigmer_plugin_workflow_runner.expressions.formats import FORMATS
from stigmer_plugin_workflow_runner.expressions.reader import Reader

if TYPE_CHECKING:
    from stigmer_plugin_workflow_runner.expressions.lexer import Token

_KEYWORDS = {
    "def", "if", "then", "elif", "else", "end", "as", "reduce", "foreach", "try", "catch", "label", "break", "import",
    "include", "module", "and", "or",
}  # fmt: skip
_CONSTANTS = {"null": None, "true": True, "false": False}


def _optional(node: syntax.Node, *, is_index: bool) -> syntax.Node:
    """Return a node that fails silently; of an index, only the indexing itself does."""
    if is_index and isinstance(node, (syntax.Index, syntax.Slice, syntax.Iterate)):
        return replace(node, is_optional=True)
    return syntax.Try(node, None)


class Terms(Reader, ABC):
    """The terms of the grammar."""

    @abstractmethod
    def _pipe(self, *, comma: bool = True) -> syntax.Node:
        """Read a whole query."""

    @abstractmethod
    def _operand(self) -> syntax.Node:
        """Read what may stand beside a comma."""

    @abstractmethod
    def _nested(self, stream: list[Token]) -> syntax.Node:
        """Read the whole of other tokens."""

    @abstractmethod
    def _patterns(self) -> tuple[syntax.Pattern, ...]:
        """Read patterns."""

    def _postfix(self) -> syntax.Node:
        self._deeper()
        node = syntax.Negate(self._postfix()) if self._accept("-") else self._suffixes(self._term())
        self._depth -= 1
        return node

    def _suffixes(self, node: syntax.Node) -> syntax.Node:
        is_index = self._stream[self._at - 1].kind == "field"
        count = 0
        while True:
            count = self._counted(count)
            if self._token.kind == "field":
                node, is_index = syntax.Index(node, syntax.Literal(self._take().value)), True
            elif self._is(".") and self._stream[self._at + 1].kind in ("string", "format"):
                self._take()
                node, is_index = syntax.Index(node, self._term()), True
            elif self._is(".") and self._stream[self._at + 1].value == "[":
                self._take()
            elif self._accept("["):
                node, is_index = self._brackets(node), True
            elif self._accept("?"):
                node, is_index = _optional(node, is_index=is_index), False
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
        match self._token.kind:
            case "number":
                return syntax.Literal(self._take().value)
            case "field":
                return syntax.Index(syntax.Identity(), syntax.Literal(self._take().value))
        readers = {"string": self._string, "variable": self._variable, "name": self._name, "format": self._format}
        return readers.get(self._token.kind, self._symbol)()

    def _symbol(self) -> syntax.Node:
        if self._accept("."):
            if self._token.kind == "string":
                return syntax.Index(syntax.Identity(), self._string())
            return syntax.Identity()
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
        token = self._token
        if token.value in ("ENV", "__prog_args"):
            self._unsupported(f"${token.value}")
        self._take()
        if token.value == "__loc__":
            line = 1 + str(self._stream[-1].value).count("\n", 0, token.position)
            return syntax.Literal({"file": "<top-level>", "line": line})
        return syntax.Variable(str(token.value))

    def _string(self, written: str = "text") -> syntax.Node:
        parts = self._take().value
        if all(isinstance(part, str) for part in parts):
            return syntax.Literal("".join(parts))
        return syntax.Text(tuple(part if isinstance(part, str) else self._nested(part) for part in parts), written)

    def _format(self) -> syntax.Node:
        name = str(self._token.value)[1:]
        if name not in FORMATS:
            self._unsupported(f"the format '@{name}'")
        self._take()
        return self._string(name) if self._token.kind == "string" else syntax.Format(name)

    def _name(self) -> syntax.Node:
        word = str(self._token.value)
        if word in _CONSTANTS and self._stream[self._at + 1].value != "(":
            self._take()
            return syntax.Literal(_CONSTANTS[word])
        match word:
            case "if":
                self._take()
                return self._if()
            case "try":
                self._take()
                body = self._postfix()
                return syntax.Try(body, self._postfix() if self._accept("catch") else syntax.Call("empty", (), 0))
            case "reduce" | "foreach":
                return self._fold()
            case "break":
                position = self._take().position
                return syntax.Break(str(self._kind("variable", "the name of a label").value), position)
            case "import" | "include" | "module":
                self._unsupported(f"{word!r}")
        if word in _KEYWORDS:
            self._unexpected()
        return self._call()

    def _if(self) -> syntax.Node:
        condition = self._pipe()
        self._expect("then")
        then = self._pipe()
        if self._accept("elif"):
            self._deeper()
            node = syntax.If(condition, then, self._if())
            self._depth -= 1
            return node
        otherwise = self._pipe() if self._accept("else") else syntax.Identity()
        self._expect("end")
        return syntax.If(condition, then, otherwise)

    def _fold(self) -> syntax.Node:
        word = self._take().value
        source = self._operand()
        self._expect("as")
        patterns = self._patterns()
        self._expect("(")
        start = self._pipe()
        self._expect(";")
        update = self._pipe()
        extract: syntax.Node = syntax.Identity()
        if word == "foreach" and self._accept(";"):
            extract = self._pipe()
        self._expect(")")
        if word == "reduce":
            return syntax.Reduce(source, patterns, start, update)
        return syntax.Foreach(source, patterns, start, update, extract)

    def _call(self) -> syntax.Node:
        token = self._take()
        arguments: list[syntax.Node] = []
        if self._accept("("):
            arguments.append(self._pipe())
            while self._accept(";"):
                arguments.append(self._pipe())
            self._expect(")")
        return syntax.Call(str(token.value), tuple(arguments), token.position)

    def _object(self) -> syntax.Node:
        entries: list[tuple[syntax.Node, syntax.Node]] = []
        while not self._accept("}"):
            if entries:
                self._expect(",")
                if self._accept("}"):
                    break
            entries.append(self._entry())
        return syntax.Object(tuple(entries))

    def _entry(self) -> tuple[syntax.Node, syntax.Node]:
        token = self._token
        if token.kind == "variable":
            variable = self._variable()
            key: syntax.Node = syntax.Literal(token.value)
            return key, self._pipe(comma=False) if self._accept(":") else variable
        if token.kind == "name":
            key = syntax.Literal(self._take().value)
        elif token.kind in ("string", "format"):
            key = self._term()
        elif token.kind == "number":
            self._unexpected("expected a key")
        else:
            self._expect("(")
            key = self._pipe()
            self._expect(")")
            self._expect(":")
            return key, self._pipe(comma=False)
        return key, self._pipe(comma=False) if self._accept(":") else syntax.Index(syntax.Identity(), key)
