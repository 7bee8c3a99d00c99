"""The activities `publish` and `subscribe`: events between the runs of an organisation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_plugin_workflow_runner import listeners
from stigmer_plugin_workflow_runner.wiring import root_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.program import ActivityContext, Engine, Json
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader, Transaction
    from stigmer_plugin_workflow_runner.wiring import Wiring

BATCH = 100  # runs that get an event in one transaction
PAGE = 500  # listeners looked at in one go


class Events:
    """The broker. Without an installation around it, as in the tests of programs, there is nobody else."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    async def subscribe(self, arguments: Json, context: ActivityContext) -> None:
        """Let the run have the events of these types from now on."""
        if self._wiring.resources is None:
            return
        store = self._wiring.resources.store
        org = store.read(_org_of(context.run_id))
        if org is not None:
            await store.run(lambda tx: listeners.add(tx, org, context.run_id, arguments["types"]))

    async def publish(self, arguments: Json, context: ActivityContext) -> None:
        """Deliver the event to every other run of the organisation that may listen; a run gets it once."""
        resources, engine = self._wiring.resources, self._wiring.engine
        org = resources.store.read(_org_of(context.run_id)) if resources is not None else None
        if resources is None or engine is None or org is None:
            return
        delivery = Delivery(engine, org, context.run_id, arguments["event"])
        found = [""]
        while found:
            found = await resources.store.run(delivery.batch_after(found[-1]))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to the other runs of an organisation."""

    engine: Engine
    org: str
    sender: str
    event: dict[str, Json]

    def batch_after(self, run_id: str) -> Callable[[Transaction], list[str]]:
        """Return what delivers the event to the next runs, and returns their ids."""

        def deliver(tx: Transaction) -> list[str]:
            found = listeners.find(tx, self.org, self.event["type"], after=run_id, limit=BATCH)
            for listener in found:
                if listener != self.sender:
                    self._deliver(tx, listener)
            return found

        return deliver

    def _deliver(self, tx: Transaction, run_id: str) -> None:
        # An event is known by its source and its id together: CloudEvents 1.0.2, "id"
        known_as = f"{self.event['source']} {self.event['id']}"
        try:
            self.engine.signal(tx, run_id, "event", self.event, signal_id=known_as)
        except (FailedPreconditionError, NotFoundError):  # it has ended, and is not kept for ever
            listeners.drop(tx, [run_id])


async def drop_ended(resources: Resources) -> None:
    """Forget the runs that have ended without an event having found that out."""
    found, ended = await resources.store.read_slowly(_over(resources, ""))
    while found:
        if ended:
            await resources.store.run(partial(listeners.drop, run_ids=ended))
        found, ended = await resources.store.read_slowly(_over(resources, found[-1]))


def _over(resources: Resources, after: str) -> Callable[[Reader], tuple[list[str], list[str]]]:
    """Return what reads the next runs that listen, and which of them have ended."""

    def read(reader: Reader) -> tuple[list[str], list[str]]:
        found = listeners.runs(reader, after=after, limit=PAGE)
        return found, [run_id for run_id in found if _is_over(reader, resources, run_id)]

    return read


def _is_over(reader: Reader, resources: Resources, run_id: str) -> bool:
    row = reader.get(root_run(run_id))
    kind = resources.kinds.get(row.kind) if row is not None else None
    if row is None or kind is None:
        return True
    shown: Any = kind.message.FromString(row.body)
    return bool(getattr(shown.status, "completed_at", ""))


def _org_of(run_id: str) -> Callable[[Reader], str | None]:
    """Return what reads the organisation of the resource that a run belongs to; None when that is gone."""

    def read(reader: Reader) -> str | None:
        row = reader.get(root_run(run_id))
        return row.org if row is not None else None

    return read
