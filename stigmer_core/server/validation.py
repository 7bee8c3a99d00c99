"""The API's own rules (buf.validate) on every request, with a fast way for messages that have few."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from stigmer_core.errors import InvalidArgumentError, Problem

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor
    from google.protobuf.message import Message

    from stigmer_core.server.interceptor import Call, Stream, Unary
    from stigmer_core.server.method import Method

Minima: TypeAlias = "dict[str, int]"  # field name -> least length of its string


class Validation:
    """Refuses requests that break a rule of their message's definition, all violations in one text."""

    def unary(self, method: Method, call_next: Unary) -> Unary:
        """Return the chain of a unary method with this interceptor in front."""
        check = checker(method.request_type)
        if check is None:
            return call_next

        def validated(request: Any, call: Call) -> Awaitable[Any]:
            check(request)
            return call_next(request, call)

        return validated

    def stream(self, method: Method, call_next: Stream) -> Stream:
        """Return the chain of a streaming method with this interceptor in front."""
        check = checker(method.request_type)
        if check is None:
            return call_next

        def validated(request: Any, call: Call) -> AsyncGenerator[Any, None]:
            check(request)
            return call_next(request, call)

        return validated


def validate(message: Message) -> None:
    """Check a message against its rules.

    Raises:
        InvalidArgumentError: a rule is broken; the text has `field: what` for each. The pointers of its problems
            are proto field paths such as `spec.tasks[0].name`.
    """
    if found := _validator().collect_violations(message):
        problems = [Problem(_path(one.proto.field), one.proto.message) for one in found]
        raise InvalidArgumentError("; ".join(map(str, problems)), problems=problems)


def checker(message_type: type[Message]) -> Callable[[Any], None] | None:
    """Return the check of a message type; None when it has no rules.

    A message whose rules only ask for strings of some length is accepted without protovalidate, which takes 30 us
    and 100 ms to import; it still words the refusal.
    """
    descriptor: Any = message_type.DESCRIPTOR
    minima = _minima(descriptor)
    if minima is None:
        return validate
    if not minima:
        return None
    if len(minima) == 1:
        ((name, least),) = minima.items()

        def check_one(message: Any) -> None:
            if len(getattr(message, name)) < least:
                validate(message)

        return check_one
    pairs = tuple(minima.items())

    def check_all(message: Any) -> None:
        for name, least in pairs:
            if len(getattr(message, name)) < least:
                return validate(message)
        return None

    return check_all


def _minima(descriptor: Descriptor) -> Minima | None:
    """Return the least lengths that are all the rules of a message; None when there are other rules."""
    minima: Minima = {}
    for field in descriptor.fields:
        if (least := _least_length(field)) is None:
            return None
        if least:
            minima[field.name] = least
        if field.message_type is not None and _has_rules(field.message_type, set()):
            return None
    return None if _has_own_rules(descriptor) else minima


def _least_length(field: FieldDescriptor) -> int | None:
    """Return the least length of a string field, 0 without rules, None when its rules say something else."""
    rules = _field_rules(field)
    if rules is None:
        return 0
    repeated = bool(field.is_repeated)
    if field.type != field.TYPE_STRING or repeated:
        return None
    least = rules.string.min_len
    rest = type(rules)()
    rest.CopyFrom(rules)
    rest.ClearField("required")
    rest.string.ClearField("min_len")
    if rest.string.ByteSize() == 0:
        rest.ClearField("string")
    return None if rest.ByteSize() else max(least, int(rules.required))


def _has_rules(descriptor: Descriptor, seen: set[str]) -> bool:
    if descriptor.full_name in seen:
        return False
    seen.add(descriptor.full_name)
    return _has_own_rules(descriptor) or any(
        _field_rules(field) is not None or (field.message_type is not None and _has_rules(field.message_type, seen))
        for field in descriptor.fields
    )


def _has_own_rules(descriptor: Descriptor) -> bool:
    validate_pb2 = _rules_module()
    return descriptor.GetOptions().HasExtension(validate_pb2.message) or any(
        oneof.GetOptions().HasExtension(validate_pb2.oneof) for oneof in descriptor.oneofs
    )


def _field_rules(field: FieldDescriptor) -> Any:
    extension = _rules_module().field
    options = field.GetOptions()
    return options.Extensions[extension] if options.HasExtension(extension) else None


@cache
def _rules_module() -> Any:
    from buf.validate import validate_pb2  # noqa: PLC0415 - comes with the first generated module that has rules

    return validate_pb2


@cache
def _validator() -> Any:
    from protovalidate import Validator  # noqa: PLC0415 - takes 100 ms

    return Validator()


def _path(field: Any) -> str:
    """Return a field path as people write it: `spec.tasks[2].name`."""
    text = ""
    for element in field.elements if field else ():
        text += f".{element.field_name}" if text else element.field_name
        if (subscript := element.subscript) is not None:
            text += f"[{subscript.value!r}]"
    return text
