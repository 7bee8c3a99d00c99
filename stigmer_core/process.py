"""What the long-lived processes share: the server, and workers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NEW_OBJECTS = 20_000  # until they are looked at for cycles; with their parts some megabytes
_groups: set[int] = set()


def spare_collector() -> None:
    """Let the collector of cycles look at what is new, and not so often: what is here now stays.

    Looking for cycles in all that runs have in memory, again and again, is a tenth of what they cost, and finds none.
    """
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 20, 50)


def stop_signals() -> asyncio.Event:
    """Return an event that the first signal sets; the second one ends the process at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():
            end_at_once(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    return stop


@contextlib.contextmanager
def owned_group(group: int) -> Iterator[None]:
    """Let a process group end with this process, even when that is ended at once."""
    _groups.add(group)
    try:
        yield
    finally:
        _groups.discard(group)


def end_at_once(code: int) -> NoReturn:
    """End this process without order, and the groups that it owns."""
    for group in _groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    os._exit(code)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop: the fastest there is."""
    if sys.platform == "win32":
        return None
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
