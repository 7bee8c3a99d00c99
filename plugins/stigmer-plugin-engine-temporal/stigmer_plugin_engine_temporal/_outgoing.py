"""What a workflow task hands to Temporal: one message of at most 4 MB, whatever a program asks for at once.

Arguments are handed over in several tasks when they are many. The results of local activities come with the task
whenever they come, so the more there are, the smaller is one that stays in the history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio import workflow

from stigmer_core.program_json import bounded
from stigmer_plugin_engine_temporal._wire import Written

if TYPE_CHECKING:
    from stigmer_core.program import Json

TASK_BYTES = 1_536 * 1024  # of arguments, then the next ones go with the next task
_COMMAND_BYTES = 512  # of a command without its arguments
_RESULTS = ((8, 32 * 1024), (64, 8 * 1024))  # so many, so many characters each may stay in the history
_MANY = 1_024


class Outgoing:
    """Writes values, and counts what the current workflow task has of them."""

    def __init__(self) -> None:
        self._task = 0  # the length of the history when it began
        self._bytes = 0
        self._results = 0

    @property
    def full(self) -> bool:
        """Return whether the task has enough."""
        self._count()
        return self._bytes > TASK_BYTES

    def written(self, value: Json, what: str) -> Written:
        """Return a value as it goes out.

        Raises:
            ResourceExhaustedError: it is too large.
        """
        written = bounded(value, what)
        self._count()
        size = len(written) if written.isascii() else len(written.encode("utf-8", "surrogatepass"))
        self._bytes += size + _COMMAND_BYTES
        return Written(written)

    def result_characters(self) -> int:
        """Return how large the next local activity's result may be to stay in the history."""
        self._count()
        self._results += 1
        return next((characters for count, characters in _RESULTS if self._results <= count), _MANY)

    def _count(self) -> None:
        length = workflow.info().get_current_history_length()
        if length != self._task:
            self._task, self._bytes, self._results = length, 0, 0
