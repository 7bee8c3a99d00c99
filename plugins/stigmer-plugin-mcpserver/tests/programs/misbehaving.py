"""A program that is no good server: `misbehaving.py WAY [FILE]`; it writes its process id to the file first."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

FOREVER = 3600


def ends():
    sys.exit(f"cannot work with {os.environ.get('TOKEN')}")


def hangs():
    time.sleep(FOREVER)


def forks():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({FOREVER})"])
    time.sleep(FOREVER)


def leaves_a_child():
    subprocess.Popen([sys.executable, "-c", f"import time; time.sleep({FOREVER})"], stdout=subprocess.DEVNULL)


def babbles():
    while True:
        sys.stdout.write("ready to serve\n")
        sys.stdout.flush()


def floods():
    while True:
        sys.stdout.write("x" * 65536)


def says_a_little():
    sys.stdout.write("ready to serve\n")
    sys.stdout.flush()
    time.sleep(FOREVER)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(str(os.getpid()), encoding="utf-8")
    globals()[sys.argv[1]]()
