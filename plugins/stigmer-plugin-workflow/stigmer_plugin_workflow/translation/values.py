"""Values of configurations as values of the DSL, where only a whole string can be an expression."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.program import Json

_OPEN = "${"


def plain(value: Json) -> Json:
    """Return JSON with whole floats as integers and sorted keys: a protobuf Struct has doubles and no order."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def evaluated(value: Json) -> Json:
    """Return a value whose texts may have expressions in them: `a ${ .b } c` becomes one expression."""
    if isinstance(value, dict):
        return {key: evaluated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluated(item) for item in value]
    return _joined(value) if isinstance(value, str) and _OPEN in value else value


def expression(text: str) -> str:
    """Return a field that is an expression, with `${ }` or without, as a value of the DSL."""
    return text if text.strip().startswith(_OPEN) else f"${{ {text} }}"


def inner(text: str) -> str:
    """Return a field that is an expression, with `${ }` or without, as an expression."""
    stripped = text.strip()
    return stripped[len(_OPEN) : -1].strip() if stripped.startswith(_OPEN) and stripped.endswith("}") else text


def _joined(text: str) -> str:
    parts = _parts(text)
    worded = [part for part, is_expression in parts if is_expression or part.strip()]
    if len(worded) == 1:
        return text
    literal = [f"(({part}) | tostring)" if is_expression else _literal(part) for part, is_expression in parts]
    return f"${{ {' + '.join(literal)} }}"


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _parts(text: str) -> list[tuple[str, bool]]:
    """Return the texts and the expressions between them; what is not closed is text."""
    parts: list[tuple[str, bool]] = []
    at = 0
    while (start := text.find(_OPEN, at)) >= 0:
        end = _closing(text, start + len(_OPEN))
        if end < 0:
            break
        if start > at:
            parts.append((text[at:start], False))
        parts.append((text[start + len(_OPEN) : end].strip(), True))
        at = end + 1
    return [*parts, (text[at:], False)] if at < len(text) else parts


def _closing(text: str, at: int) -> int:
    """Return where the brace that closes an expression is, past braces in objects and strings; -1 when it is not."""
    depth, quoted = 1, False
    while at < len(text):
        character = text[at]
        if quoted:
            at += character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        else:
            depth += (character == "{") - (character == "}")
            if not depth:
                return at
        at += 1
    return -1
