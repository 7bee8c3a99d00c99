"""Cases and what they claim, and a record of every method of the SDK that they call."""

from __future__ import annotations

import functools
import inspect
import re
import traceback
from collections import defaultdict

from stigmer import StigmerClient

CASES = {}
_STUB_CALL = re.compile(r"self\.(_\w+)\.(\w+)\(")
_OK = "OK"


def case(function):
    """Take a generator of `(claim, seen, expected)` as a case."""
    CASES[function.__name__] = function
    return function


def code_of(call, *arguments):
    """Return the gRPC code that a call ends with."""
    try:
        answer = call(*arguments)
        if inspect.isgenerator(answer):
            list(answer)
    except Exception as error:  # noqa: BLE001 - whatever it raises is what is reported
        return _name_of(error)
    return _OK


def codes(expected, *calls):
    """Claim that every call `(method, argument)` ends with a code."""
    for number, (call, *arguments) in enumerate(calls, 1):
        yield f"{getattr(call, 'name', call)} {expected} #{number}", code_of(call, *arguments), expected


class RecordingClient(StigmerClient):
    """The official client, with a record of how every call of its methods ended."""

    def __init__(self, token, address):
        super().__init__(token, base_url=address, insecure=True)
        self.address = address
        self.record = defaultdict(list)
        self.paths = {}
        for area, client in list(vars(self).items()):
            if type(client).__module__.startswith("stigmer.") and not area.startswith("_"):
                self._watch(area, client)

    def _watch(self, area, client):
        for method, function in inspect.getmembers(client, inspect.ismethod):
            if not method.startswith("_"):
                name = f"{area}.{method}"
                self.paths[name] = _path_of(client, method)
                setattr(client, method, self._recorded(name, function))

    def _recorded(self, name, function):
        @functools.wraps(function)
        def call(*arguments):
            try:
                answer = function(*arguments)
            except Exception as error:
                self.record[name].append(_name_of(error))
                raise
            if inspect.isgenerator(answer):
                return self._streamed(name, answer)
            self.record[name].append(_OK)
            return answer

        call.name = name
        return call

    def _streamed(self, name, answer):
        try:
            yield from answer
        except Exception as error:
            self.record[name].append(_name_of(error))
            raise
        self.record[name].append(_OK)


def run_cases(client):
    """Return what every case claims, by name; one that raises leaves the others."""
    claims = {}
    for name, function in CASES.items():
        found = claims[name] = []
        try:
            found.extend(function(client))
        except Exception:  # noqa: BLE001 - it is shown in place of the claims that are missing
            found.append(("raised", traceback.format_exc(), None))
    return claims


def asked_nothing(client):
    """Return the code with which every method answers an empty request, for those whose request can be empty."""
    codes = {}
    for name in client.paths:
        area, _, method = name.partition(".")
        call = getattr(getattr(client, area), method)
        parameters = inspect.signature(call).parameters.values()
        words = [str(one.annotation) for one in parameters if one.default is one.empty]
        arguments = [_empty(word, call.__wrapped__.__func__.__globals__) for word in words]
        if None not in arguments:
            codes[name] = code_of(call.__wrapped__, *arguments)
    return codes


def _empty(annotation, known):
    if annotation == "str":
        return ""
    module, _, name = annotation.rpartition(".")
    found = getattr(known.get(module), name, None) if module else known.get(name)
    try:
        return found()
    except TypeError:
        return None


def _name_of(error):
    code = getattr(error, "grpc_code", None)
    return code.name if code is not None else repr(error)


def _path_of(client, method):
    """Return the RPC that a method calls, as its source says."""
    for owner in type(client).__mro__:
        found = _STUB_CALL.search(inspect.getsource(vars(owner)[method])) if method in vars(owner) else None
        if found and hasattr(client, found[1]):
            path = getattr(getattr(client, found[1]), found[2])._method
            return path.decode() if isinstance(path, bytes) else path
    raise LookupError(f"{type(client).__name__}.{method} calls no RPC")
