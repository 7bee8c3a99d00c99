"""The method table: every RPC with its chain of interceptors, composed once per method. Knows no gRPC."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import PluginError, UnimplementedError
from stigmer_core.server.boundary import ErrorBoundary, OpenStream
from stigmer_core.server.call_log import CallLog
from stigmer_core.server.caller import Authenticator
from stigmer_core.server.decoding import Decoding
from stigmer_core.server.limits import Limits
from stigmer_core.server.method import Method
from stigmer_core.server.validation import Validation

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

    from stigmer_core.server.interceptor import Call, Interceptor, Stream, Unary


@dataclass(frozen=True, slots=True)
class Route:
    """A method and its composed chain: `unary` or `stream`, as the method is; the other one refuses in words."""

    method: Method
    unary: Unary
    stream: Callable[[Any, Call], OpenStream]


class Dispatcher:
    """Calls methods through their interceptors, for whatever carries the call.

    Args:
        methods: the table; one path twice is an error.
        interceptors: outermost first.
        explain: says why a path is not served, in one sentence.
    """

    def __init__(
        self,
        methods: Iterable[Method],
        interceptors: Sequence[Interceptor],
        *,
        explain: Callable[[str], str] | None = None,
    ) -> None:
        self._interceptors = tuple(interceptors)
        self._explain = explain or _not_served
        self._methods: dict[str, Method] = {}
        self._routes: dict[str, Route] = {}
        self.add(methods)

    def add(self, methods: Iterable[Method]) -> None:
        """Add methods to the table.

        Raises:
            PluginError: one of their paths is there already.
        """
        for method in methods:
            if method.path in self._methods:
                raise PluginError(method.path, f"{method.path} is claimed twice")
            self._methods[method.path] = method

    def route(self, path: str) -> Route:
        """Return the chain of a path; that of a path that nobody serves raises UnimplementedError when called."""
        if route := self._routes.get(path):
            return route
        if method := self._methods.get(path):
            return self._routes.setdefault(path, self._compose(method))
        return self._unserved(path)

    def serves(self, path: str) -> bool:
        """Return whether a method has this path."""
        return path in self._methods

    def services(self) -> list[str]:
        """Return the names of the services that have a method here, sorted."""
        return sorted({path.split("/")[1] for path in self._methods})

    def _compose(self, method: Method) -> Route:
        unary, stream = _ends(method)
        for interceptor in reversed(self._interceptors):
            if method.streaming:
                stream = interceptor.stream(method, stream)
            else:
                unary = interceptor.unary(method, unary)
        return Route(method, unary, partial(OpenStream, method, stream))

    def _unserved(self, path: str) -> Route:
        from google.protobuf.empty_pb2 import Empty  # noqa: PLC0415 - only an error needs it

        async def unary(_request: Any) -> Any:
            raise UnimplementedError(self._explain(path))

        method = Method(path, Empty, Empty, streaming=False, handler=unary, counted_as="(not served)")
        chain = self._compose(method).unary

        def nothing_to_decode(_request: Any, call: Call) -> Awaitable[Any]:
            return chain(b"", call)

        async def stream(_request: Any, call: Call) -> AsyncGenerator[Any, None]:
            yield await chain(b"", call)

        return Route(method, nothing_to_decode, partial(OpenStream, method, stream))


def standard_interceptors(
    *,
    authenticator: Authenticator | None = None,
    log: CallLog | None = None,
    limits: Limits | None = None,
    decoding: Decoding | None = None,
) -> list[Interceptor]:
    """Return the interceptors every server has, outermost first."""
    return [
        ErrorBoundary(),
        authenticator or Authenticator(),
        log or CallLog(),
        limits or Limits(),
        decoding or Decoding(),
        Validation(),
    ]


def _ends(method: Method) -> tuple[Unary, Stream]:
    """Return the innermost callables of a method."""
    handler = method.handler

    async def refuse(_request: Any, _call: Any) -> Any:
        raise UnimplementedError(f"{method.path} answers with a stream: call it as one")

    async def refuse_stream(_request: Any, _call: Any) -> Any:
        if method:
            raise UnimplementedError(f"{method.path} answers once: call it as a unary method")
        yield

    if method.streaming:
        return refuse, lambda request, _call: handler(request)
    return lambda request, _call: handler(request), refuse_stream


def _not_served(path: str) -> str:
    return f"{path.strip('/').replace('/', '.')} is not served here"
