"""The rules of a field (buf.validate) in the words of JSON schema.

A scalar without presence cannot be told from its zero value: where a rule refuses zero, the field must be there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeAlias

from buf.validate import validate_pb2
from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from stigmer_core.program import Json

Schema: TypeAlias = "dict[str, Json]"

_F = FieldDescriptor
_INTEGER_32: Schema = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
_NATURAL_32: Schema = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
_INTEGER_64: Schema = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$"}
_SCALARS: dict[int, Schema] = {
    _F.TYPE_BOOL: {"type": "boolean"},
    _F.TYPE_STRING: {"type": "string"},
    _F.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _F.TYPE_DOUBLE: {"type": "number"},
    _F.TYPE_FLOAT: {"type": "number"},
    **dict.fromkeys((_F.TYPE_INT32, _F.TYPE_SINT32, _F.TYPE_SFIXED32), _INTEGER_32),
    **dict.fromkeys((_F.TYPE_UINT32, _F.TYPE_FIXED32), _NATURAL_32),
}
_NUMBER_WORDS = {"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum"}
_TEXT_WORDS = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"}
_FORMATS = {name: name for name in ("email", "hostname", "ipv4", "ipv6", "uri", "uuid")} | {"uri_ref": "uri-reference"}


def scalar(field: FieldDescriptor) -> Schema:
    """Return the schema of a scalar's JSON; 64-bit integers may be text, as protobuf writes them."""
    return dict(_SCALARS.get(field.type, _INTEGER_64))


def constrained(field: FieldDescriptor, rules: Any, schema: Schema) -> Schema:
    """Return the schema of a scalar or an enum with its rules."""
    words = _words(rules)
    if rules.required:
        words |= _not_zero(field, words)
    if "enum" in schema:
        return {"enum": [name for name in _names(schema) if _takes(words, field.enum_type, name)]}
    if words and rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE and not rules.required:
        return {"type": schema["type"], "anyOf": [{"const": _zero(field)}, words]}
    return schema | words


def is_required(field: FieldDescriptor, rules: Any) -> bool:
    """Return whether a field must be there."""
    if rules.required:
        return True
    if field.has_presence or rules.ignore != validate_pb2.IGNORE_UNSPECIFIED:
        return False
    if field.is_repeated:
        return bool(rules.repeated.min_items or rules.map.min_pairs)
    return _refuses(_words(rules), _zero(field))


def list_constraints(rules: Any) -> Schema:
    """Return the rules of a list as a whole."""
    least = max(rules.repeated.min_items, int(rules.required))
    words: Schema = {"minItems": least} if least else {}
    words |= {"maxItems": rules.repeated.max_items} if rules.repeated.HasField("max_items") else {}
    return words | ({"uniqueItems": True} if rules.repeated.unique else {})


def map_constraints(rules: Any) -> Schema:
    """Return the rules of a map as a whole, and of its keys."""
    least = max(rules.map.min_pairs, int(rules.required))
    words: Schema = {"minProperties": least} if least else {}
    words |= {"maxProperties": rules.map.max_pairs} if rules.map.HasField("max_pairs") else {}
    keys = _text_words(rules.map.keys.string)
    return words | ({"propertyNames": keys} if keys else {})


def _words(rules: Any) -> Schema:
    kind = rules.WhichOneof("type")
    if kind is None or kind in ("repeated", "map", "bytes", "any", "duration", "timestamp"):
        return {}
    rule = getattr(rules, kind)
    words: Schema = {"const": _plain(rule.const)} if rule.HasField("const") else {}
    if kind == "string":
        words |= _text_words(rule)
    elif kind not in ("bool", "enum"):
        words |= {word: _plain(getattr(rule, name)) for name, word in _NUMBER_WORDS.items() if rule.HasField(name)}
    if kind != "bool":
        allowed, forbidden = list(getattr(rule, "in")), list(rule.not_in)
        words |= {"enum": [_plain(value) for value in allowed]} if allowed else {}
        words |= {"not": {"enum": [_plain(value) for value in forbidden]}} if forbidden else {}
    return words


def _text_words(rule: Any) -> Schema:
    words: Schema = {word: getattr(rule, name) for name, word in _TEXT_WORDS.items() if rule.HasField(name)}
    words |= {"minLength": rule.len, "maxLength": rule.len} if rule.HasField("len") else {}
    words |= {"pattern": f"^{re.escape(rule.prefix)}"} if rule.HasField("prefix") else {}
    words |= {"pattern": f"{re.escape(rule.suffix)}$"} if rule.HasField("suffix") else {}
    known = rule.WhichOneof("well_known")
    return words | ({"format": _FORMATS[known]} if known in _FORMATS else {})


def _not_zero(field: FieldDescriptor, words: Schema) -> Schema:
    if _refuses(words, _zero(field)):
        return {}
    return {"minLength": 1} if _zero(field) == "" else {"not": {"const": _zero(field)}}


def _refuses(words: Schema, value: Any) -> bool:
    """Return whether a zero value breaks one of the rules."""
    checks: dict[str, Any] = {
        "const": lambda only: value != only,
        "enum": lambda allowed: value not in allowed,
        "not": lambda schema: value in schema.get("enum", [schema.get("const")]),
        "minLength": lambda least: len(value) < least,
        "pattern": lambda pattern: re.search(pattern, value) is None,
        "minimum": lambda least: value < least,
        "exclusiveMinimum": lambda least: value <= least,
        "maximum": lambda most: value > most,
        "exclusiveMaximum": lambda most: value >= most,
    }
    return any(checks[word](rule) for word, rule in words.items() if word in checks)


def _takes(words: Schema, enum: Any, name: str) -> bool:
    return not _refuses(words, enum.values_by_name[name].number)


def _names(schema: Schema) -> list[str]:
    names = schema["enum"]
    assert isinstance(names, list)
    return [str(name) for name in names]


def _zero(field: FieldDescriptor) -> Any:
    if field.type in (_F.TYPE_STRING, _F.TYPE_BYTES):
        return ""
    return False if field.type == _F.TYPE_BOOL else 0


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
