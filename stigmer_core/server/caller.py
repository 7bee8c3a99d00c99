"""Who calls: the token check of TCP listeners, and the caller that audit records name."""

from __future__ import annotations

import hmac
import logging
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import UnauthenticatedError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence

    from stigmer_core.server.interceptor import Call, Stream, Unary
    from stigmer_core.server.method import Method

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls; `authenticated` is false where the server asks for no credentials at all."""

    name: str
    authenticated: bool = True


OPERATOR = Caller("local")  # who can open the socket, or runs this process, is the operator of the machine
ANYBODY = Caller("local", authenticated=False)

_caller: ContextVar[Caller] = ContextVar("stigmer_caller", default=OPERATOR)


def current_caller() -> Caller:
    """Return who makes the call that is being served; an in-process call inherits it from the call around it."""
    return _caller.get()


class Authenticator:
    """Asks calls over TCP for a bearer token.

    Args:
        token: what `authorization: Bearer ...` must carry; None asks for nothing and ignores what is sent.
        others: know further callers by their token; each returns None for a token that is not one of its own.
    """

    def __init__(self, token: str | None = None, others: Sequence[Callable[[str], Caller | None]] = ()) -> None:
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._others = list(others)

    def add(self, others: Iterable[Callable[[str], Caller | None]]) -> None:
        """Ask these too."""
        self._others += others

    @property
    def required(self) -> bool:
        """Whether calls over TCP need credentials."""
        return self._expected is not None

    def authenticate(self, call: Call) -> Caller:
        """Return who calls.

        Raises:
            UnauthenticatedError: the call came over TCP without the token.
        """
        if call.local:
            return OPERATOR
        if self._expected is None:
            return ANYBODY
        for key, value in call.metadata:
            if key == "authorization":
                sent = value.encode("utf-8", "replace") if isinstance(value, str) else value
                presented = _normalised(sent)
                if hmac.compare_digest(presented, self._expected):
                    return OPERATOR
                return self._known(presented) or self._refuse(call, "the token is not the one of this server")
        return self._refuse(call, "this address needs a token: send `authorization: Bearer <token>`")

    def unary(self, method: Method, call_next: Unary) -> Unary:
        """Return the chain of a unary method with this interceptor in front; a public one asks for nothing."""
        if method.public:
            return call_next

        def authenticated(request: Any, call: Call) -> Awaitable[Any]:
            if not call.local:
                _caller.set(self.authenticate(call))  # a remote call has a task, hence a context, of its own
            return call_next(request, call)

        return authenticated

    def stream(self, method: Method, call_next: Stream) -> Stream:
        """Return the chain of a streaming method with this interceptor in front; a public one asks for nothing."""
        if method.public:
            return call_next

        def authenticated(request: Any, call: Call) -> AsyncGenerator[Any, None]:
            if not call.local and (caller := self.authenticate(call)) is not _caller.get():
                _caller.set(caller)  # only then: a context of its own is 100 bytes for as long as the stream is open
            return call_next(request, call)

        return authenticated

    def _known(self, presented: bytes) -> Caller | None:
        scheme, _, token = presented.partition(b" ")
        if scheme != b"Bearer" or not token.isascii():
            return None
        return next((caller for other in self._others if (caller := other(token.decode())) is not None), None)

    def _refuse(self, call: Call, reason: str) -> Caller:
        logger.info("rpc refused peer=%s reason=%r", call.peer, reason)
        raise UnauthenticatedError(reason)


def _normalised(value: bytes) -> bytes:
    scheme, _, token = value.partition(b" ")  # the scheme is case-insensitive: RFC 9110, 11.1
    return b"Bearer " + token.strip() if scheme.lower() == b"bearer" else value
