"""What an interceptor is: a function around the rest of the chain, composed once per method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from stigmer_core.server.method import Method


@dataclass(frozen=True, slots=True)
class Call:
    """How a request came in. `local` is true for a unix socket and in process: whoever gets there is the operator.

    `at_end` is a stream's: what is called when it is over, last one first, with the error that ended it or None, and
    with the seconds it was open.
    """

    local: bool
    peer: str = "in-process"
    metadata: Sequence[tuple[str, str | bytes]] = ()
    at_end: list[AtEnd] = field(default_factory=list, compare=False)


IN_PROCESS = Call(local=True)

AtEnd: TypeAlias = "Callable[[BaseException | None, float], None]"

# A request is the wire's bytes or a message of the caller's; the response a message or Encoded.
Unary: TypeAlias = "Callable[[Any, Call], Awaitable[Any]]"
Stream: TypeAlias = "Callable[[Any, Call], AsyncGenerator[Any, None]]"


class Interceptor(Protocol):
    """Wraps the rest of a method's chain.

    What only looks at the request returns a plain function that calls the next one: it costs no coroutine, and an
    error it raises is the call's. What waits for the end of a unary call returns a coroutine function; of a stream it
    adds to `call.at_end`, as an async generator around another one takes 1 KB for as long as the stream is open.
    """

    def unary(self, method: Method, call_next: Unary) -> Unary:
        """Return the chain of a unary method with this interceptor in front."""

    def stream(self, method: Method, call_next: Stream) -> Stream:
        """Return the chain of a streaming method with this interceptor in front."""
