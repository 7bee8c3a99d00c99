"""Fills any message from its descriptor: so that it passes the API's rules often, and with odd values in between."""

from __future__ import annotations

import json
import re
from collections import defaultdict, deque

from buf.validate import validate_pb2
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.struct_pb2 import Struct, Value
from hostile_texts import (
    NAMED,
    ODD_FRACTIONS,
    ODD_KEYS,
    ODD_NUMBERS,
    ODD_TEXTS,
    PLAIN_NUMBERS,
    WORDS,
    odd_json,
    odd_value,
)
from hostile_wire import damaged

REFERENCE = "ai.stigmer.commons.apiresource.ApiResourceReference"
METADATA = "ai.stigmer.commons.apiresource.ApiResourceMetadata"
TIMES = ("google.protobuf.Timestamp", "google.protobuf.Duration")
STRUCTS = ("google.protobuf.Struct", "google.protobuf.Value", "google.protobuf.ListValue")
ALIASES = {"next_page_token": "page_token", "storage_key": "artifact_storage_key", "id": "tool_call_id"}
IDENTITY = re.compile(r"^[a-z]{3,4}_[0-9A-Za-z]+$")
KEPT, KEPT_CHARACTERS = 40, 200
FEW = 3
ORGANIZATION = 30
BITS = {Field.CPPTYPE_INT32: (32, True), Field.CPPTYPE_INT64: (64, True)}
BITS |= {Field.CPPTYPE_UINT32: (32, False), Field.CPPTYPE_UINT64: (64, False)}


class Pool:
    """What answers contained: the texts of each field, ids by their prefix, slugs by their kind's number."""

    def __init__(self, kinds):
        self.prefixes = {kind.message.DESCRIPTOR.file.package: kind.id_prefix for kind in kinds}
        self.numbers = {kind.message.DESCRIPTOR.file.package: kind.number for kind in kinds}
        self.names = {kind.name: kind for kind in kinds}
        self.texts = defaultdict(lambda: deque(maxlen=KEPT))
        self.ids = defaultdict(lambda: deque(maxlen=KEPT))
        self.slugs = defaultdict(lambda: deque(maxlen=KEPT))
        self.archives = []  # bytes of what can be pushed
        self.documents = []  # manifests and workflows as objects

    def take(self, message):
        """Remember what later requests may refer to."""
        if message.DESCRIPTOR.full_name in STRUCTS:
            return
        metadata = getattr(message, "metadata", None)
        if getattr(metadata, "slug", "") and message.DESCRIPTOR.name in self.names:
            self.slugs[self.names[message.DESCRIPTOR.name].number].append(metadata.slug)
        for field, value in message.ListFields():
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                continue
            for one in list(value)[-FEW:] if field.is_repeated else [value]:
                if field.message_type is not None:
                    self.take(one)
                elif isinstance(one, str) and 0 < len(one) <= KEPT_CHARACTERS:
                    self._take_text(field.name, one)

    def _take_text(self, name, text):
        self.texts[name].append(text)
        if name in ALIASES:
            self.texts[ALIASES[name]].append(text)
        if IDENTITY.match(text):
            self.ids[text.partition("_")[0]].append(text)


class Filler:
    """Makes requests; `odd` is the share of values that are not what a caller would send."""

    def __init__(self, rng, pool):
        self.rng = rng
        self.pool = pool
        self.odd = 0.02
        self.package = ""

    def filled(self, message_type, package, odd):
        """Return a message of a type for a service of a package."""
        self.odd, self.package = odd, package
        message = message_type()
        self._fill(message, 0)
        return message

    def change(self, message, package, odd):
        """Change a few fields of a message, anywhere inside."""
        self.odd, self.package = odd, package
        for _ in range(self.rng.randint(1, FEW)):
            self._change_one(message, 0)

    def _change_one(self, message, depth):
        if message.DESCRIPTOR.full_name in STRUCTS:
            return self._struct(message)
        fields = message.DESCRIPTOR.fields
        inner = [field for field, _ in message.ListFields() if field.message_type and not field.is_repeated]
        lists = [f for f, _ in message.ListFields() if f.message_type and f.is_repeated and not _is_map(f)]
        roll = self.rng.random()
        if inner and roll < 0.6:
            return self._change_one(getattr(message, self.rng.choice(inner).name), depth + 1)
        if lists and roll < 0.8:
            return self._change_one(self.rng.choice(getattr(message, self.rng.choice(lists).name)), depth + 1)
        if fields:
            field = self.rng.choice(fields)
            message.ClearField(field.name)
            if self.rng.random() < 0.9:
                self._set(message, field, depth)
        return None

    def _fill(self, message, depth):
        name = message.DESCRIPTOR.full_name
        if name in TIMES:
            return self._time(message)
        if name in STRUCTS:
            return self._struct(message)
        for field in message.DESCRIPTOR.fields:
            oneof = field.containing_oneof
            if oneof is not None and not _is_optional(field):
                continue
            if self.rng.random() < self._share(field, depth):
                self._set(message, field, depth)
        for oneof in message.DESCRIPTOR.oneofs:
            if not _is_optional(oneof.fields[0]) and (_required(oneof) or self.rng.random() < 0.5):
                self._set(message, self.rng.choice(oneof.fields), depth)
        if name == REFERENCE:
            self._refer(message)
        return None

    def _share(self, field, depth):
        rules = _rules(field)
        if rules is not None and (rules.required or rules.string.min_len or rules.string.const or rules.enum.not_in):
            return 1 - self.odd / 2
        if rules is not None and (rules.repeated.min_items or rules.string.pattern.startswith("^1")):
            return 1 - self.odd / 2
        if field.name in ("spec", "metadata", "name", "org", "id", "page_info"):
            return 0.8
        if field.name == "status":
            return 0.1
        return 0.3 / (1 + depth / 2)

    def _set(self, message, field, depth):
        if depth > 8 + 20 * self.odd:
            return
        if _is_map(field):
            self._set_map(message, field, depth)
        elif field.is_repeated:
            items = getattr(message, field.name)
            for _ in range(self._count()):
                if field.message_type is not None:
                    self._fill(items.add(), depth + 1)
                else:
                    items.append(self._scalar(field))
        elif field.message_type is not None:
            child = getattr(message, field.name)
            child.SetInParent()
            self._fill(child, depth + 1)
        else:
            setattr(message, field.name, self._scalar(field))

    def _count(self):
        return self.rng.choice((50, 300)) if self.rng.random() < self.odd / 10 else self.rng.choice((1, 1, 2, 3))

    def _set_map(self, message, field, depth):
        entry = getattr(message, field.name)
        key, value = field.message_type.fields_by_name["key"], field.message_type.fields_by_name["value"]
        for _ in range(self._count()):
            odd_key = key.type == Field.TYPE_STRING and self._is_odd()
            name = self.rng.choice(ODD_KEYS) if odd_key else self._scalar(key)
            if value.message_type is not None:
                self._fill(entry[name], depth + 1)
            else:
                entry[name] = self._scalar(value)

    def _is_odd(self):
        return self.rng.random() < self.odd

    def _scalar(self, field):
        match field.cpp_type:
            case Field.CPPTYPE_STRING if field.type == Field.TYPE_BYTES:
                return self._bytes()
            case Field.CPPTYPE_STRING:
                return self._text(field)
            case Field.CPPTYPE_BOOL:
                return self.rng.random() < 0.5
            case Field.CPPTYPE_ENUM:
                return self._enum(field)
            case Field.CPPTYPE_FLOAT | Field.CPPTYPE_DOUBLE:
                return self.rng.choice(ODD_FRACTIONS) if self._is_odd() else float(self.rng.choice(PLAIN_NUMBERS))
        bits, signed = BITS[field.cpp_type]
        return _fitting(self.rng.choice(ODD_NUMBERS if self._is_odd() else PLAIN_NUMBERS), bits, signed=signed)

    def _bytes(self):
        if self.rng.random() < 0.5:
            archive = self.rng.choice(self.pool.archives)
            return damaged(self.rng, archive, self.pool.archives) if self._is_odd() else archive
        return self.rng.randbytes(self.rng.choice((1, 10, 1_000)) if not self._is_odd() else 50_000)

    def _enum(self, field):
        if self._is_odd():
            return self.rng.choice((-1, 99, 2**31 - 1, -(2**31)))
        rules = _rules(field)
        excluded = set(rules.enum.not_in) if rules is not None else set()
        return self.rng.choice([value.number for value in field.enum_type.values if value.number not in excluded])

    def _text(self, field):
        rules = _rules(field)
        if rules is not None and rules.string.const and not self._is_odd():
            return rules.string.const
        if self._is_odd():
            return self.rng.choice(ODD_TEXTS + NAMED.get(field.name, ((), ()))[1])
        if field.name in ("id", "value", "uid", "resource_id") or field.name.endswith("_id"):
            return self._id(field)
        if "json" in field.name or field.name in ("document", "input"):
            document = self.rng.choice(self.pool.documents)
            return odd_json(self.rng, document) if self.rng.random() < 0.5 else json.dumps(document)
        known = self.pool.texts[field.name] if self.rng.random() < 0.5 else ()
        text = self.rng.choice(tuple(known) or NAMED.get(field.name, (WORDS, ()))[0])
        return text if rules is None else _obeying(rules.string, text)

    def _id(self, field):
        if field.name == "org_id" or (field.name == "value" and "organization" in self.package):
            return self.rng.choice(("local", *self.pool.slugs[ORGANIZATION]))
        prefix = self._prefix(field)
        roll = self.rng.random()
        if roll < 0.75 and self.pool.ids[prefix]:
            return self.rng.choice(self.pool.ids[prefix])
        if roll < 0.85:
            return self.rng.choice(self.pool.texts[field.name] or ["none"])
        others = [one for ids in self.pool.ids.values() for one in ids]
        return self.rng.choice(others) if others and roll < 0.95 else f"{prefix}_none"

    def _prefix(self, field):
        """Return the prefix of the ids that belong here: by the field's name, else by the service."""
        plain = field.name.removesuffix("_id").replace("_", "")
        if plain == "execution":
            plain = "workflowexecution" if ".workflow" in self.package else "agentexecution"
        named = {kind.name.lower(): kind.id_prefix for kind in self.pool.names.values()}
        return named.get(plain) or self.pool.prefixes.get(self.package, self.rng.choice(sorted(self.pool.ids) or ["x"]))

    def _refer(self, reference):
        """Make a reference one to something that is there, of the kind that belongs here, most of the time."""
        if self.rng.random() < 0.2:
            return
        reference.kind = self.pool.numbers.get(self.package, 40)
        if self.pool.slugs[reference.kind]:
            reference.slug = self.rng.choice(self.pool.slugs[reference.kind])
        reference.org = "local"
        if self.rng.random() < 0.8:
            reference.ClearField("version")

    def _time(self, message):
        seconds = self.rng.choice(ODD_NUMBERS) if self._is_odd() else self.rng.choice((0, 60, 1_780_000_000))
        message.seconds = _fitting(seconds, 64, signed=True)
        message.nanos = self.rng.choice((-1, 2**31 - 1, -(2**31))) if self._is_odd() else 0

    def _struct(self, message):
        value = odd_value(self.rng) if self.rng.random() < max(self.odd, 0.2) else {"variables": {"a": "1"}, "b": [1]}
        if isinstance(message, Struct):
            value = value if isinstance(value, dict) else {self.rng.choice(ODD_KEYS): value}
        try:
            json_format.ParseDict(value, message, max_recursion_depth=2_000)
        except (json_format.ParseError, OverflowError, AttributeError, TypeError, RecursionError):
            if isinstance(message, Value):
                message.number_value = self.rng.choice(ODD_FRACTIONS)
            elif isinstance(message, Struct):
                message.fields["n"].number_value = self.rng.choice(ODD_FRACTIONS)


def _obeying(rules, text):
    """Return a text that obeys length and pattern, if one of those at hand does."""
    candidates = (text, *WORDS, "a" * 64, "1.0.0", "a" * (rules.min_len or 1))
    for one in candidates:
        long_enough = rules.min_len <= len(one) <= (rules.max_len or len(one))
        if long_enough and (not rules.pattern or re.search(rules.pattern, one)):
            return one
    return text


def _fitting(number, bits, *, signed):
    """Return the number in so many bits, as a cast in C does."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if signed and number >> (bits - 1) else number


def _rules(field):
    options = field.GetOptions()
    return options.Extensions[validate_pb2.field] if options.HasExtension(validate_pb2.field) else None


def _required(oneof):
    options = oneof.GetOptions()
    return options.HasExtension(validate_pb2.oneof) and options.Extensions[validate_pb2.oneof].required


def _is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _is_optional(field):
    """Return whether a field's oneof is only how proto3 writes `optional`."""
    oneof = field.containing_oneof
    return oneof is None or (oneof.name.startswith("_") and len(oneof.fields) == 1)
