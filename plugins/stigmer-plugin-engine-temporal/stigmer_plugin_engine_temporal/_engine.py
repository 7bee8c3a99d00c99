"""The engine: what a caller's transaction records, and what drives it on Temporal."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError, NotFoundError
from stigmer_core.program_json import bounded
from stigmer_plugin_engine_temporal import _store
from stigmer_plugin_engine_temporal._recording import StoreSink

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Activity, Json, Publisher, Run, Runner
    from stigmer_core.store import Store, Transaction
    from stigmer_core.vault import Vault
    from stigmer_plugin_engine_temporal._connection import Connection
    from stigmer_plugin_engine_temporal._dispatcher import Dispatcher
    from stigmer_plugin_engine_temporal._keeper import Keeper
    from stigmer_plugin_engine_temporal._keys import Keys
    from stigmer_plugin_engine_temporal._options import Options

NAME = "temporal"
OPEN_SECONDS = 30.0  # for a server of one's own, the first start of which makes its database
FOLDER = "claims"  # of the home: where large values are kept
SLEEP_FROM_SECONDS = 10  # a run that sleeps less stays open, with a timer
REACH_SECONDS = 5.0  # for one that is somewhere; then the engine goes on looking for it by itself


class TemporalEngine:
    """Records what is asked for in the store, and tells Temporal of it from there."""

    name = NAME

    def __init__(
        self,
        store: Store,
        runners: Mapping[str, Runner],
        publisher: Publisher,
        vault: Vault,
        options: Options,
        *,
        limits: Mapping[str, int] | None = None,
    ) -> None:
        self._store = store
        self._runners = runners
        self.sink = StoreSink(store, publisher, self._notice)
        self._vault = vault
        self.options = options
        self._limits = dict(limits or {})  # of an execution's history: for tests
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None
        self._dispatcher: Dispatcher | None = None
        self._keys: Keys | None = None
        self._keepers: list[Keeper] = []

    # What others may know

    def ready(self) -> bool:
        """Return whether Temporal answers."""
        return self._connection is not None and self._connection.client is not None

    @property
    def address(self) -> str:
        """Return where Temporal is; empty when that is not known yet."""
        return self._connection.address if self._connection is not None else self.options.address

    def payload_keys(self) -> str:
        """Return the keys that histories are encrypted with, as `Keys.parse` reads them; empty when they are not."""
        return self._keys.text() if self._keys is not None else ""

    @property
    def claims(self) -> str:
        """Return where large values are kept, as a worker may be told."""
        return self.options.claims or str(self._store.path.parent / FOLDER)

    @property
    def problem(self) -> str:
        """Return why new runs cannot be started now; empty when they can."""
        return self._connection.problem if self._connection is not None else "the engine is closed"

    def short_at_home(self, runner: str, activity: str) -> Activity | None:
        """Return a short activity that only the server can do; None when there is no such one."""
        known = self._runners.get(runner)
        return known.activities.get(activity) if known and activity in known.home & known.short else None

    # What a caller's transaction records

    def start(self, tx: Transaction, run: Run) -> None:
        """Record a new run; a run id that exists is left as it is.

        Raises:
            NotFoundError: there is no such runner.
            ResourceExhaustedError: its input is too large.
        """
        if run.runner not in self._runners:
            raise NotFoundError("runner", run.runner)
        bounded(run.input, "the run's input")
        if _store.add_run(tx, run.run_id, run.runner):
            short = sorted(self._runners[run.runner].short)
            begun = {"run_id": run.run_id, "runner": run.runner, "short": short, "input": run.input}
            if self._runners[run.runner].sleeps:
                begun["sleeps"] = SLEEP_FROM_SECONDS
            self._send(tx, run.run_id, "start", {**begun, "limits": self._limits} if self._limits else begun)

    def signal(self, tx: Transaction, run_id: str, name: str, payload: Json, *, signal_id: str = "") -> None:
        """Record a signal; the same `signal_id` twice is one signal.

        Raises:
            NotFoundError: there is no such run.
            FailedPreconditionError: it has ended.
            ResourceExhaustedError: its payload is too large.
        """
        bounded(payload, "the payload of the signal")
        outcome = _store.outcome_of(tx, run_id)
        if outcome is None:
            raise NotFoundError("run", run_id)
        if outcome:
            raise FailedPreconditionError(f"run {run_id} has ended: {outcome}")
        if signal_id and not _store.remember_signal(tx, run_id, signal_id):
            return
        number = _store.next_number(tx, run_id)
        content = {"id": signal_id or f"signal-{number}", "number": number, "name": name, "payload": payload}
        self._send(tx, run_id, "signal", content)

    def cancel(self, tx: Transaction, run_id: str, reason: str) -> None:
        """Record a wish to cancel; a run that has ended, or that nobody started, is left as it is."""
        if _store.outcome_of(tx, run_id) == "":
            self._send(tx, run_id, "cancel", {"reason": reason})

    def recover(self, tx: Transaction, run_id: str) -> None:
        """Record a wish that a failed run goes on from where it failed, or a parked one from its last event.

        Raises:
            NotFoundError: there is no such run, or it is not kept any more.
            FailedPreconditionError: it has not failed.
        """
        outcome = _store.outcome_of(tx, run_id)
        if outcome is None:
            raise NotFoundError("run", run_id)
        if not _store.revive(tx, run_id):
            raise FailedPreconditionError(f"run {run_id} has not failed: {outcome or 'it is running'}")
        self._send(tx, run_id, "recover", {})

    def _send(self, tx: Transaction, run_id: str, action: str, body: Json) -> None:
        _store.send(tx, run_id, action, body)
        tx.on_commit(self._notice)

    def _notice(self) -> None:
        loop, dispatcher = self._loop, self._dispatcher
        if loop is not None and dispatcher is not None:
            loop.call_soon_threadsafe(dispatcher.notice)

    # Opening and closing

    async def open(self) -> None:
        """Connect, and go on with what is recorded; when Temporal is away, as soon as it is there."""
        from stigmer_plugin_engine_temporal._collector import Collector  # noqa: PLC0415 - 300 ms for this engine only
        from stigmer_plugin_engine_temporal._connection import Connection  # noqa: PLC0415
        from stigmer_plugin_engine_temporal._devserver import DevServer  # noqa: PLC0415
        from stigmer_plugin_engine_temporal._dispatcher import Dispatcher  # noqa: PLC0415
        from stigmer_plugin_engine_temporal._payloads import data_converter  # noqa: PLC0415
        from stigmer_plugin_engine_temporal._reconciler import Reconciler  # noqa: PLC0415
        from stigmer_plugin_engine_temporal._values import installation_keys, open_claims, owns  # noqa: PLC0415
        from stigmer_plugin_engine_temporal._worker import Share  # noqa: PLC0415

        home = self._store.path.parent
        server = None if self.options.address else DevServer(home)
        self._keys = await installation_keys(self._store, self._vault, self.options)
        claims = await open_claims(self.options, home=home, make=True)
        converter = data_converter(self._keys, claims)
        connection = Connection(
            self.options, self._runners, self.sink, converter, server, share=Share(work=self.options.work)
        )
        self._loop, self._connection = asyncio.get_running_loop(), connection
        self._dispatcher = Dispatcher(self._store, connection)
        connection.start()
        self._keepers = [self._dispatcher, Reconciler(self._store, connection, self.sink)]
        if await self._store.run(lambda tx: owns(tx, claims, at_home=not self.options.claims)):
            self._keepers.append(Collector(self._store, connection, claims, self._runners))
        for keeper in self._keepers:
            keeper.start()
        with contextlib.suppress(TimeoutError):  # wait_for may lose a cancellation: bpo-37658
            async with asyncio.timeout(OPEN_SECONDS if server else REACH_SECONDS):
                await connection.settled()

    async def close(self) -> None:
        """Stop driving; what is recorded is in the store and in Temporal, and goes on at the next `open`."""
        for keeper in self._keepers:
            await keeper.stop()
        if self._connection is not None:
            await self._connection.stop()
        self._loop = self._connection = self._dispatcher = None
        self._keepers = []
