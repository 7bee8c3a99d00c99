"""Crash a server at random moments under load, and count what was lost: nothing may be."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from stigmer_core.api.v1 import resources_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    from stigmer_core.testing.server import ServerProcess

_SERVICE = "/stigmer.core.v1.ResourceService"
_GET_ATTEMPTS = 200


@dataclass
class Tally:
    """What a series of crashes did. `restart_seconds` is the time from start to answering, per crash."""

    crashes: int = 0
    acknowledged: list[tuple[str, str]] = field(default_factory=list)  # kind and id
    lost: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    restart_seconds: list[float] = field(default_factory=list)


class CrashSeries:
    """Writes through a server, kills it with SIGKILL again and again, and checks every acknowledged write.

    Args:
        server: a started server; it is started again after each crash.
        manifest: returns the JSON of a fresh resource for a number.
        start_run: starts a run over a channel and returns its id.
        outcome: returns True when a run ended right, False when wrong, None while it runs.
    """

    def __init__(
        self,
        server: ServerProcess,
        *,
        manifest: Callable[[int], str],
        start_run: Callable[[grpc.aio.Channel], Any],
        outcome: Callable[[grpc.aio.Channel, str], Any],
        seed: int = 0,
        writers: int = 8,
    ) -> None:
        self._server = server
        self._manifest = manifest
        self._start_run = start_run
        self._outcome = outcome
        self._random = random.Random(seed)  # noqa: S311 - when to crash, not a secret
        self._writers = writers
        self._number = 0
        self.tally = Tally()

    async def run(self, crashes: int) -> Tally:
        """Crash so many times, then let every run end, and return the tally."""
        for _ in range(crashes):
            await self._crash_once()
        await self._check_everything()
        return self.tally

    async def _crash_once(self) -> None:
        async with self._channel() as channel:
            started = asyncio.Event()
            tasks = [asyncio.create_task(self._write(channel)) for _ in range(self._writers)]
            tasks.append(asyncio.create_task(self._run_workflows(channel, started)))
            if self.tally.crashes % 3:  # on a slow machine, the first call after a start outlasts the pause
                waiting = asyncio.create_task(started.wait())
                await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
            await asyncio.sleep(self._random.uniform(0.02, 0.4))
            await asyncio.to_thread(self._server.kill)
            await asyncio.gather(*tasks, return_exceptions=True)
        begun = time.monotonic()
        await asyncio.to_thread(self._server.start)
        self.tally.restart_seconds.append(time.monotonic() - begun)
        self.tally.crashes += 1
        recent = self.tally.acknowledged[-200:]
        async with self._channel() as channel:
            for kind, resource_id in recent:
                await self._require(channel, kind, resource_id)

    async def _write(self, channel: grpc.aio.Channel) -> None:
        apply = channel.unary_unary(f"{_SERVICE}/Apply", pb.ApplyRequest.SerializeToString, pb.ApplyResponse.FromString)
        while True:
            self._number += 1
            done = await apply(pb.ApplyRequest(json=self._manifest(self._number)))
            self.tally.acknowledged.append((done.document.kind, done.document.id))

    async def _run_workflows(self, channel: grpc.aio.Channel, started: asyncio.Event) -> None:
        while True:
            self.tally.runs.append(await self._start_run(channel))
            started.set()
            await asyncio.sleep(0.02)

    async def _require(self, channel: grpc.aio.Channel, kind: str, resource_id: str) -> None:
        get = channel.unary_unary(f"{_SERVICE}/Get", pb.GetRequest.SerializeToString, pb.Document.FromString)
        try:
            await get(pb.GetRequest(kind=kind, name=resource_id))
        except grpc.aio.AioRpcError as error:
            self.tally.lost.append(f"{resource_id}: {error.code().name}")

    async def _check_everything(self) -> None:
        async with self._channel() as channel:
            for kind, resource_id in self.tally.acknowledged:
                await self._require(channel, kind, resource_id)
            for run_id in self.tally.runs:
                right = await self._ended(channel, run_id)
                if not right:
                    self.tally.wrong.append(run_id)

    async def _ended(self, channel: grpc.aio.Channel, run_id: str) -> bool:
        for _ in range(_GET_ATTEMPTS):
            right = await self._outcome(channel, run_id)
            if right is not None:
                return bool(right)
            await asyncio.sleep(0.1)
        return False

    def _channel(self) -> grpc.aio.Channel:
        # A pool of its own: in the shared one, the connection that died with the last server would be waited for.
        return grpc.aio.insecure_channel(self._server.socket, options=[("grpc.use_local_subchannel_pool", 1)])
