"""The published SDK in an environment of its own: its stubs and ours cannot share one, they have the same names."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

VERSION = "3.41.0"
CACHE = Path(__file__).parent.parent / ".cache"
HOME = CACHE / f"sdk-{VERSION}"


def ensure_sdk() -> Path:
    """Return the Python of an environment that has the SDK; made once, also when several tests ask at the same time.

    Skips the test that asks when the package index cannot be reached.
    """
    python = HOME / "bin" / "python"
    ready = HOME / "ready"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{HOME.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(HOME, ignore_errors=True)
            venv.create(HOME, with_pip=True)
            _install(python)
            ready.touch()
    return python


def _install(python: Path) -> None:
    command = [python, "-m", "pip", "install", "--quiet", "--retries=1", "--timeout=20", f"stigmer=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No matching distribution found" in done.stderr:
        pytest.skip(f"pip cannot get stigmer=={VERSION} from its index")
    if done.returncode:
        pytest.fail(f"installing stigmer=={VERSION} failed:\n{done.stderr}")


if __name__ == "__main__":
    sys.stdout.write(f"{ensure_sdk()}\n")
