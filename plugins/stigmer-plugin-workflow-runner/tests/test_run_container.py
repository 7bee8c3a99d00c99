"""`run: container`, with a fake of docker on the PATH that says how it was called."""

from __future__ import annotations

import asyncio
import os

import pytest
from stigmer_plugin_workflow_runner.activities.container import ContainerActivity
from stigmer_plugin_workflow_runner.activities.process import Processes

from stigmer_core.program import ActivityContext, ActivityError

DOCKER = """#!/bin/sh
echo "$*" >> {log}
case "$1" in
    info) exit {info};;
    run) {run};;
esac
"""
CONTEXT = ActivityContext("run-1", "/do/0/a", 1)
TASK = {"image": "alpine:3", "pullPolicy": "ifNotPresent", "cleanup": "always"}


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Return a function that puts a docker on the PATH and returns the lines of its calls."""

    def make(run="cat; echo $NAME", info=0):
        program = tmp_path / "docker"
        program.write_text(DOCKER.format(log=tmp_path / "log", info=info, run=run))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        return lambda: (tmp_path / "log").read_text().splitlines()

    return make


async def called(context=CONTEXT, *, network=False, **arguments):
    """Call the activity."""
    return await ContainerActivity(Processes(), network=network)({**TASK, **arguments}, context)


async def test_container_gets_what_the_task_says(docker):
    """Command and arguments, input, and the environment by name: its values are in no list of processes."""
    calls = docker()

    left = await called(command="echo 'a b'", arguments=["c d"], stdin="in\n", environment={"NAME": "v"})

    assert (left["stdout"], left["code"], left["sandbox"]) == ("in\nv", 0, "container:docker")
    assert calls()[-1].endswith("--interactive --env NAME alpine:3 echo a b c d")
    assert "=v" not in calls()[-1]


async def test_container_is_bounded_and_goes_away(docker):
    """No network, bounds, and nothing left of it."""
    calls = docker()

    await called(pullPolicy="never")

    words = calls()[-1].split()
    assert {"--rm", "--network=none", "--memory=2g", "--pids-limit=1024", "--pull=never"} <= set(words)


async def test_container_may_stay_and_use_the_network(docker):
    """When the task and the settings say so."""
    calls = docker()

    await called(network=True, cleanup="never")

    assert not {"--rm", "--network=none"} & set(calls()[-1].split())


async def test_stopped_container_is_removed(docker, tmp_path):
    """Killing the client would leave it running."""
    os.mkfifo(tmp_path / "up")
    calls = docker(run=f"echo > {tmp_path}/up; exec sleep 1000")
    call = asyncio.create_task(called(name="mine"))
    await asyncio.to_thread((tmp_path / "up").read_text)

    call.cancel()
    await asyncio.gather(call, return_exceptions=True)

    assert calls()[-1] == "rm --force mine"


async def test_repeated_attempt_removes_the_first_one(docker):
    """It may be running, when the server was gone; both have the same name."""
    calls = docker()

    await called(ActivityContext("run-1", "/do/0/a", 2))

    _, removed, run = calls()
    assert removed.startswith("rm --force stigmer-")
    assert f"--name={removed.split()[-1]}" in run


@pytest.mark.parametrize(("info", "message"), [(1, "cannot reach an engine"), (None, "not on the PATH")])
async def test_no_engine_is_a_configuration_error(docker, monkeypatch, info, message):
    """The fault says what is missing."""
    docker(info=info)
    if info is None:
        monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ActivityError) as caught:
        await called()

    assert caught.value.failure.type.endswith("/configuration")
    assert message in caught.value.failure.detail


@pytest.mark.parametrize("arguments", [{"image": "--privileged"}, {"command": "'"}, {"environment": {"a=b": ""}}])
async def test_what_is_no_container_is_refused(docker, arguments):
    """Nothing of a task becomes an option of docker."""
    docker()

    with pytest.raises(ActivityError, match="cannot"):
        await called(**arguments)
