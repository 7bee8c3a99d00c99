"""A real database file with an engine over it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the programs and the host stand beside the tests

from local_engine_host import Host


@pytest.fixture
async def host(tmp_path, runners):
    """Return an open host of the test module's `runners`."""
    host = await Host(tmp_path / "stigmer.db", runners).open()
    yield host
    await host.close()
