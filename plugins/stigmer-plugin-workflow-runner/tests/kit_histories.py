"""Records what runs of the workflow program leave in Temporal, for later versions of the code to be held against.

Usage: kit_histories.py VERSION

Runs the cases of `histories/cases.yaml` on a real server and writes their histories, in the clear, to
`histories/VERSION/`, one JSON file each. Recorded ones are never changed: a release that cannot replay them would
strand the runs that are under way when it is installed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from pathlib import Path

import httpx
import yaml
from kit_servers import respond
from kit_temporal import TemporalHost
from stigmer_plugin_engine_temporal._names import workflow_id
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_workflow_runner.activities import activities
from stigmer_plugin_workflow_runner.wiring import Wiring

from stigmer_core.program import Run

FOLDER = Path(__file__).parent / "histories"
SUFFIX = ".json.gz"
SEND_AFTER_SECONDS = 0.7  # a run waits by then; whenever it comes, the history is a good one
CHILDREN = {"sets": [{"a": {"set": {"a": 1}}}], "waits": [{"w": {"wait": {"hours": 1}}}]}


def cases():
    """Return the cases by name."""
    return yaml.safe_load((FOLDER / "cases.yaml").read_text())


def document_of(name, tasks):
    """Return a document."""
    header = {"dsl": "1.0.3", "namespace": "test", "name": name, "version": "1.0.0"}
    return {"document": header, "do": tasks}


def recorded():
    """Return the recorded histories: version, name and execution, and the JSON text."""
    return {
        f"{path.parent.name}/{path.name.removesuffix(SUFFIX)}": gzip.decompress(path.read_bytes()).decode()
        for path in sorted(FOLDER.glob(f"*/*{SUFFIX}"))
    }


def main(version):
    """Record every case."""
    (FOLDER / version).mkdir()
    ready = dict(activities(Wiring(), transport=httpx.MockTransport(respond)))
    ready["find_workflow"] = _find
    for name, case in cases().items():
        host = TemporalHost(options=Options(encryption=False), limits=case.get("limits"))
        try:
            for number, history in enumerate(host.call(_record(host, name, case, ready))):
                text = json.dumps(json.loads(history.to_json()), separators=(",", ":"))
                path = FOLDER / version / f"{name}-{number}{SUFFIX}"
                path.write_bytes(gzip.compress(text.encode(), mtime=0))
                print(path.name, len(history.events), "events", path.stat().st_size, "bytes")  # noqa: T201 - a program
        finally:
            host.close()
    return 0


async def _record(host, name, case, ready):
    run_id = f"wex_{name}"
    value = {"id": run_id, "document": document_of(name, case["tasks"]), "input": {}}
    host.begin(run_id, ready)
    await host.store.run(lambda tx: host.engine.start(tx, Run(run_id, "workflow", value)))
    for action, *arguments in case.get("send", ()):
        await asyncio.sleep(SEND_AFTER_SECONDS)
        if action == "cancel":
            await host.store.run(lambda tx: host.engine.cancel(tx, run_id, "asked"))
        else:
            await host.store.run(lambda tx, given=arguments: host.engine.signal(tx, run_id, *given))
    await host.end(run_id)
    client, identity, execution = await host.client(), workflow_id("workflow", run_id), ""
    found = []
    while True:
        history = await client.get_workflow_handle(identity, run_id=execution or None).fetch_history()
        found.append(history)
        execution = history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
        if not execution:
            return found


async def _find(arguments, _context):
    return {"document": document_of(arguments["name"], CHILDREN[arguments["name"]])}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
