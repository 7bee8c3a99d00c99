"""`python -m stigmer_core` is `stigmer`."""

from __future__ import annotations

from stigmer_core.cli import main

main()
