"""What a process of a workflow cannot do: the same attempts in every sandbox that this machine has."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import os
import signal
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import uvloop
from stigmer_plugin_workflow_runner.activities import process as process_module
from stigmer_plugin_workflow_runner.activities import sandbox as sandbox_module
from stigmer_plugin_workflow_runner.activities.confine import landlock_abi
from stigmer_plugin_workflow_runner.activities.interpreter import interpreter
from stigmer_plugin_workflow_runner.activities.process import Processes, Program
from stigmer_plugin_workflow_runner.activities.sandbox import LIMITS, Sandbox, probe

from stigmer_core.program import ActivityContext, ActivityError

PYTHON = interpreter()
CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
IMPATIENT = """
import asyncio, pathlib
from stigmer_core.process import stop_signals
from stigmer_plugin_workflow_runner.activities.process import run_process
async def main():
    stop = stop_signals()
    argv = ["/bin/sh", "-c", "exec 3>ready; echo up >&3; sleep 1000 & wait"]
    call = asyncio.create_task(run_process(argv, env={}, cwd=pathlib.Path(), stdin=None))
    await stop.wait()
    print("stopping", flush=True)
    await call
asyncio.run(main())
"""
AROUND = """
import ctypes, os, resource, socket, sys
def call(*arguments):
    if ctypes.CDLL(None).syscall(*arguments) < 0:
        raise OSError
try:
    {code}
except (OSError, MemoryError, ValueError):
    print("refused")
else:
    print("escaped")
"""
SECRET, PARENT = "os.environ['SECRET']", "os.environ['PARENT']"

ESCAPES = {
    "read a file": f"open({SECRET}).read()",
    "read it by a relative path": f"open(os.path.relpath({SECRET})).read()",
    "read it by a symbolic link": f"os.symlink({SECRET}, 'l'); open('l').read()",
    "read it by a hard link": f"os.link({SECRET}, 'l'); open('l').read()",
    "read it by the root of the first process": f"open('/proc/1/root' + {SECRET}).read()",
    "list its directory": f"os.listdir(os.path.dirname({SECRET}))",
    "write it": f"open({SECRET}, 'w')",
    "cut it": f"os.truncate({SECRET}, 0)",
    "rename it": f"os.rename({SECRET}, 'here')",
    "remove it": f"os.remove({SECRET})",
    "write to the system": "open('/usr/lib/x', 'w')",
    "write its own program": "open(sys.argv[0], 'w')",
    "read passwords": "open('/etc/shadow').read()",
    "read memory devices": "open('/dev/mem', 'rb').read(1)",
    "read the server's environment": f"open('/proc/' + {PARENT} + '/environ').read()",
    "open the server's files": f"os.listdir('/proc/' + {PARENT} + '/fd')",
    "signal the server": f"os.kill(int({PARENT}), 0)",
    "leave its group": "os.setsid()",
    "leave its group by another": "os.setpgid(0, 0)",
    "become another user": "os.setuid(1234)",
    "mount": "call(165 if os.uname().machine == 'x86_64' else 40, b'x', b'/tmp', b'tmpfs', 0, 0)",
    "change its root": "os.chroot('.')",
    "unshare": "call(272 if os.uname().machine == 'x86_64' else 97, 0x10000000)",
    "trace": "call(101 if os.uname().machine == 'x86_64' else 117, 16, os.getppid(), 0, 0)",
    "use io_uring": "call(425, 1, ctypes.create_string_buffer(256))",
    "use bpf": "call(321 if os.uname().machine == 'x86_64' else 280, 0, 0, 0)",
    "connect to loopback": "socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 5)",
    "bind a port": "socket.create_server(('127.0.0.1', 0))",
    "send datagrams": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
    "use raw sockets": "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "use IPv6": "socket.socket(socket.AF_INET6)",
    "use an abstract socket": "socket.socket(socket.AF_UNIX).connect(chr(0) + os.environ['ABSTRACT'])",
    "take all memory": f"bytes({LIMITS['DATA'] * 2})",
    "write a huge file": f"open('f', 'wb').truncate({LIMITS['FSIZE'] + 1})",
    "open too many files": f"[os.dup(0) for _ in range({LIMITS['NOFILE']})]",
    "raise its limits": "resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
    "give its files away": "open('f', 'w'); os.chown('f', 1, 1)",
}


@pytest.fixture(params=["bubblewrap", "landlock"])
async def sandbox(request):
    """Return each sandbox that works here."""
    if request.param == "landlock":
        found = Sandbox("", landlock_abi(), network=False)
    else:
        found = await probe("rlimits", network=False)
    if found.tier != request.param:
        pytest.skip(f"there is no {request.param} on this machine")
    return found


@pytest.fixture
def processes(sandbox):
    """Return processes in one sandbox."""
    made = Processes()
    made._sandbox = sandbox
    return made


async def ran(processes, code, **environment):
    """Run Python code and return what it left."""
    return await processes.run_file(Program([PYTHON, "-I", "-B"], "s.py", code), {"environment": environment}, CONTEXT)


@pytest.fixture
def outside(tmp_path):
    """Return what a process would like to reach: a file, a port, a socket, the server."""
    (tmp_path / "secret").write_text("s")
    abstract = f"\0stigmer-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(abstract)
        unix.listen()
        yield {
            "SECRET": str(tmp_path / "secret"),
            "PORT": str(tcp.getsockname()[1]),
            "ABSTRACT": abstract[1:],
            "PARENT": str(os.getpid()),
        }


@pytest.mark.parametrize("attempt", ESCAPES)
async def test_process_cannot(processes, outside, attempt):
    """Whatever it tries is refused by the kernel, and the file outside is as it was."""
    left = await ran(processes, AROUND.format(code=ESCAPES[attempt]), **outside)

    assert left["stdout"] == "refused", left
    assert Path(outside["SECRET"]).read_text() == "s"  # noqa: ASYNC240 - nothing else runs


def holding(command):
    """Return a command that holds a pipe open with all its processes, and says so through it."""
    return Program(["sh"], "s.sh", f"exec 3>ready; echo up >&3; {command}")


@pytest.fixture
def ready(processes, tmp_path, monkeypatch):
    """Return a function that runs a command, waits until it is up, and returns the call and the end of its pipe."""

    @contextlib.asynccontextmanager
    async def place():
        yield tmp_path, tmp_path

    async def start(command, **arguments):
        os.mkfifo(tmp_path / "ready")
        monkeypatch.setattr(process_module, "workplace", place)
        call = asyncio.create_task(processes.run_file(holding(command), arguments, CONTEXT))
        pipe = await asyncio.to_thread((tmp_path / "ready").open)
        assert await asyncio.to_thread(pipe.readline) == "up\n"
        return call, pipe

    return start


@pytest.mark.parametrize("command", ["sleep 1000", "sleep 1000 & wait", "(trap '' TERM HUP INT; sleep 1000) & wait"])
async def test_stopped_call_leaves_no_process(ready, command):
    """The pipe ends when the last process of the group has ended."""
    call, pipe = await ready(command)

    call.cancel()

    assert await asyncio.to_thread(pipe.read) == ""
    assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], asyncio.CancelledError)
    pipe.close()


@pytest.mark.parametrize("steps", range(1, 5))
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_call_that_is_stopped_while_it_begins_leaves_no_pipe_open(tmp_path, run, steps):
    """Whichever of its pipes it has connected by then."""

    async def stopped():
        call = asyncio.create_task(process_module.run_process(["sleep", "1000"], env={}, cwd=tmp_path, stdin=None))
        for _ in range(steps):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        run(stopped())
        gc.collect()

    assert [str(warning.message) for warning in found] == []


async def test_process_leaves_nothing_behind(ready):
    """What it started in the background ends with it, although it holds the outputs open."""
    call, pipe = await ready("sleep 1000 & echo done")

    left = await call

    assert left["stdout"] == "done"
    assert await asyncio.to_thread(pipe.read) == ""
    pipe.close()


async def test_process_for_which_nobody_waits_is_kept_in_sight(ready, processes):
    """The call returns at once, and the process ends when the server does."""
    call, pipe = await ready("sleep 1000", **{"await": False})

    assert (await call)["sandbox"] == processes._sandbox.tier
    await processes.close()

    assert await asyncio.to_thread(pipe.read) == ""
    pipe.close()


def test_second_signal_leaves_no_process(tmp_path):
    """What a process has started ends with the server, or the worker, that has no time for it any more."""
    os.mkfifo(tmp_path / "ready")
    impatient = subprocess.Popen([sys.executable, "-c", IMPATIENT], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    with (tmp_path / "ready").open() as pipe, impatient:
        assert pipe.readline() == "up\n"
        impatient.send_signal(signal.SIGINT)
        assert impatient.stdout.readline() == "stopping\n"
        impatient.send_signal(signal.SIGINT)

        assert pipe.read() == ""

    assert impatient.returncode == 130


@pytest.mark.parametrize("setting", ["auto", "required"])
async def test_no_sandbox_is_a_fault_and_no_silent_fallback(monkeypatch, setting):
    """The fault says how to get one, or how to do without."""
    monkeypatch.setattr(sandbox_module, "landlock_abi", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ActivityError) as caught:
        await probe(setting, network=False)

    assert caught.value.failure.type.endswith("/configuration")
    assert 'sandbox = "r' in caught.value.failure.detail


async def test_setting_admits_limits_alone(monkeypatch):
    """Then a process runs, and the answer says that it ran in nothing better."""
    monkeypatch.setattr(sandbox_module, "landlock_abi", lambda: 0)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr(sandbox_module.shutil, "which", lambda _: None)

    left = await ran(Processes(sandbox="rlimits"), "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))")

    assert (left["stdout"], left["sandbox"]) == ("(0, 0)", "rlimits")


async def test_network_is_there_when_it_is_allowed(sandbox, outside):
    """With anything in `network.allow`, a process has the network of the server."""
    made = Processes(network=True)
    made._sandbox = dataclasses.replace(sandbox, network=True)

    left = await ran(made, AROUND.format(code=ESCAPES["connect to loopback"]), **outside)

    assert left["stdout"] == "escaped"
