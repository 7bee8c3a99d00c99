"""What is done again and again while the server runs."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stigmer_core.kind import Job

logger = logging.getLogger(__name__)


class Jobs:
    """Runs jobs, each in a task of its own; one that fails runs again at its next time."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._tasks: list[asyncio.Task[None]] = []

    def add(self, jobs: Iterable[Job]) -> None:
        """Run these too, from the next `start` on."""
        self._jobs += jobs

    def start(self) -> None:
        """Begin, on the running event loop."""
        self._tasks = [asyncio.create_task(self._repeat(job), name=f"job {job.name}") for job in self._jobs]

    async def stop(self) -> None:
        """Cancel what runs, and wait until it has stopped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _repeat(self, job: Job) -> None:
        while True:
            try:
                await job.run()
            except Exception:  # a plugin's bug: the job has its next chance, everything else goes on
                logger.exception("job failed job=%s", job.name)
            await asyncio.sleep(job.every.total_seconds())
