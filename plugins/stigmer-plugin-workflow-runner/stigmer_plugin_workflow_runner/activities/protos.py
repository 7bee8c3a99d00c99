"""Proto documents: fetched, compiled by protoc in a process of its own, and kept for a while."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from stigmer_plugin_workflow_runner.activities.failures import misconfigured
from stigmer_plugin_workflow_runner.activities.interpreter import interpreter
from stigmer_plugin_workflow_runner.activities.process import environment, run_process, workplace
from stigmer_plugin_workflow_runner.activities.reflection import pool_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor_pool import DescriptorPool

    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity
    from stigmer_plugin_workflow_runner.activities.process import Processes

KEPT = 32  # documents
KEPT_SECONDS = 300.0
LARGEST = 1024 * 1024  # bytes of a document
_TOLD = 500  # characters of what protoc says
_COMPILED = (".binpb", ".desc", ".pb", ".protoset")
_RUN = "import sys; sys.path.append(sys.argv.pop(1)); from grpc_tools import protoc; sys.exit(protoc.main(sys.argv))"


class Protos:
    """Makes pools of documents; one that was made a moment ago is not made again.

    Args:
        http: what fetches.
        processes: where protoc runs, which reads what anybody may have written.
        clock: seconds that only go up.
    """

    def __init__(self, http: HttpActivity, processes: Processes, clock: Callable[[], float] = time.monotonic) -> None:
        self._http, self._processes, self._clock = http, processes, clock
        self._kept: OrderedDict[str, tuple[float, DescriptorPool]] = OrderedDict()

    async def get(self, endpoint: Json) -> DescriptorPool:
        """Return what a document describes: a proto file that imports none but Google's own, or a compiled set.

        Raises:
            ActivityError: the standard communication error, or the configuration error: it cannot be compiled.
        """
        key = hashlib.sha256(json.dumps(endpoint, sort_keys=True).encode()).hexdigest()
        until, kept = self._kept.get(key, (0.0, None))
        if kept is not None and self._clock() < until:
            return kept
        url, body = await self._http.fetch(endpoint, largest=LARGEST)
        compiled = body if urlsplit(url).path.endswith(_COMPILED) else await self._compiled(url, body)
        try:
            pool = pool_of(FileDescriptorSet.FromString(compiled).file)
        except DecodeError as error:
            raise misconfigured(f"{url} is no set of compiled proto files") from error
        self._kept.pop(key, None)
        self._kept[key] = (self._clock() + KEPT_SECONDS, pool)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return pool

    async def _compiled(self, url: str, body: bytes) -> bytes:
        protoc, libraries = _protoc()
        sandbox = await self._processes.sandbox()
        async with workplace() as (root, work):
            file, compiled = root / "call.proto", work / "call.binpb"
            file.write_bytes(body)
            argv = [*protoc, f"-I{root}", "--include_imports", f"--descriptor_set_out={compiled}", str(file)]
            argv = sandbox.around(argv, readable=[file, *libraries], writable=work)
            left = await run_process(argv, env=environment(None, work), cwd=work, stdin=None)
            if left.code or not compiled.is_file():
                told = left.stderr.replace(f"{root}/", "")[-_TOLD:]
                raise misconfigured(f"{url} cannot be compiled: {told or f'protoc ended with code {left.code}'}")
            return compiled.read_bytes()


def _protoc() -> tuple[list[str], list[Path]]:
    """Return the command of protoc, and what it reads beside the system's programs.

    Raises:
        ActivityError: there is none.
    """
    found = importlib.util.find_spec("grpc_tools")
    if found is not None and found.origin is not None:
        package = Path(found.origin).parent
        return [interpreter(), "-I", "-c", _RUN, str(package.parent), f"-I{package / '_proto'}"], [package.parent]
    if shutil.which("protoc") is not None:
        return ["protoc"], []
    raise misconfigured(
        "a proto document is compiled by protoc, which is not here: pip install grpcio-tools, or leave 'proto' out "
        "when the server has reflection, or name a compiled set of files (.binpb)"
    )
