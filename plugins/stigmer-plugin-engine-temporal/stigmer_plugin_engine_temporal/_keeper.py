"""What goes on beside the runs, from the engine's opening to its closing."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod


class Keeper(ABC):
    """A task of its own that goes on until it is stopped."""

    def __init__(self) -> None:
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop; what is left is for the next one."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    @abstractmethod
    async def _run(self) -> None:
        """Go on for ever; what goes wrong is logged, and tried again."""
