"""Writing down what workflows report: the far end of the recorder, which needs the store.

A worker may do again what Temporal had not heard of when it died, and others may have come in between meanwhile. So
what a lost execution has published beyond the position that the run is known to have reached is matched by content:
it is not published twice, whatever its position.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from stigmer_core.errors import AlreadyExistsError, NotFoundError, ResourceExhaustedError, StoreError, UnavailableError
from stigmer_core.program import defect
from stigmer_plugin_engine_temporal import _store

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import Json, Publisher
    from stigmer_core.store import Store, Transaction

logger = logging.getLogger(__name__)

WINDOW = 1_000  # positions that an execution may fall back; one workflow task makes far fewer entries
GONE = "gone"
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T[\d:.]+(?:Z|[+-]\d{2}:\d{2})")
_DURATION = re.compile(r'"durationMs": \d+')
_LOST = 2**40  # positions from here on hold what lost executions published and nobody has matched yet


class Sink(Protocol):
    """Takes what workflows report: the store of this process, or a server far away."""

    async def record(self, batch: Json) -> str:
        """Write a batch down; return an empty text, `gone` when its run is shown nowhere, or why it cannot be."""


class StoreSink:
    """Writes into this process's own store."""

    def __init__(self, store: Store, publisher: Publisher, notice: Callable[[], None] = lambda: None) -> None:
        self._store = store
        self._publisher = publisher
        self._notice = notice  # called when something is to be told to Temporal

    async def record(self, batch: Json) -> str:
        """Write a batch down in one transaction."""
        try:
            await self._store.run(lambda tx: self._record(tx, batch))
        except NotFoundError:  # what shows the run was deleted
            return GONE
        except (StoreError, AlreadyExistsError, ResourceExhaustedError, UnavailableError):  # not the run's fault
            raise
        except Exception:
            logger.exception("step not recorded run=%s", batch["run_id"])
            return defect("the step cannot be recorded")
        return ""

    def _record(self, tx: Transaction, batch: Json) -> None:
        run_id, first, entries = batch["run_id"], batch["first"], batch["entries"]
        lost = Counter(_store.published_from(tx, run_id, first))
        self._show(tx, batch, lost)
        ended = False
        for what, *entry in entries:
            match what:
                case "child":
                    _store.add_run(tx, *entry)
                case "asleep":
                    _store.put_to_sleep(tx, run_id, *entry)
                    tx.on_commit(self._notice)
                case "wake":
                    _store.wake(tx, run_id)
                    tx.on_commit(self._notice)
                case "ended":
                    ended = ended or entry[0] == run_id
                    _store.end(tx, *entry)
        if ended:
            tx.on_commit(self._notice)
            return
        for index, digest in enumerate(lost.elements()):
            _store.note_published(tx, run_id, _LOST + first + len(entries) + index, digest)
        if first > WINDOW:
            _store.forget_published(tx, run_id, first - WINDOW)

    def _show(self, tx: Transaction, batch: Json, lost: Counter[str]) -> None:
        """Publish what a lost execution has not published already; that is taken out of `lost`."""
        statuses: list[Json] = []
        for sequence, (what, *entry) in enumerate(batch["entries"], batch["first"]):
            if what != "publish":
                continue
            digest = _digest(entry[0])
            if lost[digest] > 0:
                lost[digest] -= 1
            else:
                statuses.append(entry[0])
            _store.note_published(tx, batch["run_id"], sequence, digest)
        if statuses and _store.outcome_of(tx, batch["run_id"]) == "":
            self._publisher(tx, batch["run_id"], *statuses)


def _digest(status: Json) -> str:
    """Return what a status is known by; moments and durations differ when a step is made again."""
    written = json.dumps(status, sort_keys=True)
    return hashlib.sha256(_DURATION.sub("", _MOMENT.sub("", written)).encode()).hexdigest()[:32]


def sink_activity(sink: Sink) -> Any:
    """Return the local activity `stigmer/record` over a sink."""
    from temporalio import activity  # noqa: PLC0415 - the sink itself needs no SDK
    from temporalio.exceptions import ApplicationError, ApplicationErrorCategory  # noqa: PLC0415

    from stigmer_plugin_engine_temporal._names import RECORD  # noqa: PLC0415

    @activity.defn(name=RECORD)
    async def record(batch: Any) -> str:
        try:
            return await sink.record(batch)
        except UnavailableError as error:  # it is tried again; that is nothing to log with a traceback each time
            benign = ApplicationErrorCategory.BENIGN
            raise ApplicationError(error.message, type="Unavailable", category=benign) from error

    return record
