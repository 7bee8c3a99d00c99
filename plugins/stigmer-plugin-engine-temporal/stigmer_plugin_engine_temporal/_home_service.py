"""`stigmer.engine.temporal.v1.WorkerService`: what workers, which have no store, have the server of their home do."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from typing import TYPE_CHECKING

from stigmer_core.errors import InvalidArgumentError, PermissionDeniedError
from stigmer_core.program import ActivityContext, ActivityError
from stigmer_core.program_json import failure_json
from stigmer_core.resources import context_values
from stigmer_core.server import current_caller
from stigmer_core.server.caller import OPERATOR
from stigmer_plugin_engine_temporal.api.v1 import worker_pb2 as pb

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_core.resources import Resources
    from stigmer_plugin_engine_temporal._engine import TemporalEngine
    from stigmer_plugin_engine_temporal._recording import Sink

logger = logging.getLogger(__name__)

SERVICE = "stigmer.engine.temporal.v1.WorkerService"
LARGEST = 256 * 1024 * 1024  # bytes of JSON that a batch may be


class WorkerController:
    """Serves WorkerService, for the operator of the home alone: who may call it may read every secret."""

    def __init__(self, resources: Resources, engine: TemporalEngine) -> None:
        self._resources = resources
        self._engine = engine

    async def get_configuration(self, request: pb.GetConfigurationRequest) -> pb.GetConfigurationResponse:
        """Return how a worker reaches Temporal, and what it reads histories with."""
        _require_operator()
        logger.info("worker configured version=%s", request.version)
        engine = self._engine
        return pb.GetConfigurationResponse(
            namespace=engine.options.namespace,
            address=engine.address,
            payload_keys=engine.payload_keys().encode(),
            claims=engine.claims,
            claims_endpoint=engine.options.claims_endpoint,
        )

    async def get_values(self, request: pb.GetValuesRequest) -> pb.GetValuesResponse:
        """Return the secrets and variables of a run."""
        _require_operator()
        resources = self._resources
        values = await resources.store.read_slowly(lambda reader: context_values(reader, resources, request.run_id))
        return pb.GetValuesResponse(values=values)

    async def call_short(self, request: pb.CallShortRequest) -> pb.CallShortResponse:
        """Call a short activity of this installation."""
        _require_operator()
        one = self._engine.short_at_home(request.runner, request.activity)
        if one is None:
            raise InvalidArgumentError(f"{request.runner!r} has no short activity {request.activity!r} of the server")
        context = ActivityContext(request.run_id, request.command_key, request.attempt)
        try:
            result = await one(json.loads(request.arguments), context)
        except ActivityError as error:
            return pb.CallShortResponse(failure=json.dumps(failure_json(error.failure)))
        return pb.CallShortResponse(result=json.dumps(result))

    async def record(self, request: pb.RecordRequest) -> pb.RecordResponse:
        """Write down what runs report, each run's batches in their order."""
        _require_operator()
        runs: dict[str, list[Json]] = {}
        for batch in request.batches:
            runs.setdefault(batch.run_id, []).append(batch_json(batch))
        written = await asyncio.gather(*(_record(self._engine.sink, batches) for batches in runs.values()))
        refusals = {run_id: iter(found) for run_id, found in zip(runs, written, strict=True)}
        return pb.RecordResponse(refusals=[next(refusals[batch.run_id]) for batch in request.batches])


def batch_of(batch: Json) -> pb.Batch:
    """Return a batch as it goes to the server."""
    entries = zlib.compress(json.dumps(batch["entries"]).encode(), 1)
    return pb.Batch(run_id=batch["run_id"], first=batch["first"], entries=entries)


def batch_json(batch: pb.Batch) -> Json:
    """Return a batch as workflows make it.

    Raises:
        InvalidArgumentError: it is not one.
    """
    try:
        unpacked = zlib.decompressobj()
        text = unpacked.decompress(batch.entries, LARGEST)
        if not unpacked.eof:
            raise InvalidArgumentError(f"a batch has more than {LARGEST} bytes, or ends too early")
        entries = json.loads(text)
    except (zlib.error, ValueError) as error:
        raise InvalidArgumentError(f"a batch cannot be read: {error}") from error
    if not isinstance(entries, list) or not all(isinstance(entry, list) and entry for entry in entries):
        raise InvalidArgumentError("a batch has no list of entries")
    return {"run_id": batch.run_id, "first": batch.first, "entries": entries}


async def _record(sink: Sink, batches: list[Json]) -> list[str]:
    return [await sink.record(batch) for batch in batches]


def _require_operator() -> None:
    if current_caller() != OPERATOR:
        raise PermissionDeniedError("only a worker with the token of this home, or on its socket, may call this")
