"""What many tests need: a short folder for sockets, and a real server."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from stigmer_core.testing.server import ServerProcess


@pytest.fixture
def home():
    """A folder whose path is short enough for a unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="stg"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(home):
    """A running server; it may be stopped or killed."""
    process = ServerProcess(home, environment={"STIGMER_NETWORK_ALLOW": "127.0.0.1"})
    with process:
        yield process
