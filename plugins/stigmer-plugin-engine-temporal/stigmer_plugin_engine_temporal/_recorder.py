"""What a run shows and what becomes of it, on its way from the workflow to the store: in order, in batches."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from temporalio import workflow
from temporalio.common import RetryPolicy

from stigmer_plugin_engine_temporal._names import RECORD

if TYPE_CHECKING:
    from stigmer_core.program import Json

_ATTEMPT = timedelta(seconds=30)
_AGAIN = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))


class Recorder:
    """Hands entries to the local activity `stigmer/record`, one batch at a time; what comes meanwhile is the next.

    An entry is `["publish", status]`, `["child", run id, runner]` or `["ended", run id, outcome, reason, kept]`.
    Entries are numbered, so that those of an execution that was lost are known when they come again. The activities
    that a step asks for start after its entries are recorded: Temporal learns of them when its task completes, and
    that waits for local activities. A `silent` one records nothing: its run is known to no installation.
    """

    def __init__(self, run_id: str, sequence: int, *, silent: bool = False) -> None:
        self.sequence = sequence
        self.silent = silent
        self.refusal = ""  # why what was recorded last cannot be: "gone", or a reason
        self._run_id = run_id
        self._entries: list[Json] = []
        self._sending: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Return whether something is not recorded yet."""
        return bool(self._entries) or self._sending is not None

    def add(self, *entry: Json) -> None:
        """Record an entry after all others."""
        if self.silent:
            return
        self._entries.append(list(entry))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        # An answer is noted before the program has it: what the step makes of it goes into the same batch, for
        # conditions are looked at in their order, and the run has waited for longer.
        await workflow.wait_condition(lambda: True)
        while self._entries:
            entries, self._entries = self._entries, []
            batch = {"run_id": self._run_id, "first": self.sequence + 1, "entries": entries}
            refusal = await workflow.execute_local_activity(
                RECORD, batch, start_to_close_timeout=_ATTEMPT, retry_policy=_AGAIN
            )
            self.sequence += len(entries)
            self.refusal = self.refusal or refusal
        self._sending = None
