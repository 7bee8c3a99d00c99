"""An installation with an agent to run, and something that runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the installation stands beside the tests

from schedule_home import scheduling


@pytest.fixture
async def api(tmp_path):
    """Return an open installation with the agent `reviewer`."""
    async with scheduling(tmp_path) as opened:
        await opened.create_agent("reviewer")
        yield opened
