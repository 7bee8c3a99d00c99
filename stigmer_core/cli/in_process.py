"""An installation in this process, for a command that finds no server."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING

from stigmer_core.serving import embedded
from stigmer_core.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import grpc


@contextlib.contextmanager
def installation(home: Path) -> Iterator[grpc.Channel]:
    """Run the installation of a home and yield a channel to it.

    Raises:
        DatabaseInUseError: another process owns the home.
        StigmerError: it cannot be composed.
    """
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s: %(message)s")
    with embedded(load_settings(home=str(home))) as channel:
        yield channel
