"""Runs mypy over the core and over each plugin, which are packages of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Return 1 when any package has a type error."""
    packages = [ROOT / "stigmer_core", *sorted(ROOT.glob("plugins/*/stigmer_plugin_*"))]
    generated = [ROOT / "gen", *sorted(ROOT.glob("plugins/*/gen")), *sorted(ROOT.glob("plugins/stigmer-plugin-*"))]
    environment = {**os.environ, "MYPYPATH": os.pathsep.join(map(str, [ROOT, *generated]))}
    command = [sys.executable, "-m", "mypy", *map(str, packages)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
