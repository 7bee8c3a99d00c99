"""Large values outside of their histories: whatever befalls the store of them, no run is stuck and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from fake_s3 import FakeS3
from stigmer_plugin_engine_temporal import _claims, _reconciler
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_engine_temporal._values import open_claims
from temporal_values import noise, script_runners
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowExecutionStatus
from temporalio.converter import StorageDriverStoreContext, StorageDriverWorkflowInfo

from stigmer_core.errors import InvalidArgumentError, UnavailableError

LARGE = 300_000
WAITS = {"steps": [["call", "make"], ["publish"], ["wait"], ["call", "measure"]], "value": LARGE}


@pytest.fixture
def runners(monkeypatch):
    """Return runners of scripts; what is closed in Temporal is looked for often."""
    monkeypatch.setattr(_reconciler, "LOOK_EVERY_SECONDS", 0.2)
    return script_runners()


def files(host, run_id):
    """Return the files of a run's large values."""
    return sorted((host.path.parent / "claims" / f"run-{run_id}").glob("*"))


async def kept(host):
    """Return a run that waits, with a large value."""
    run_id = await host.start(WAITS, "script")
    await host.until(lambda: host.statuses(run_id))
    return run_id


async def again(host):
    """Stop and start the engine: its workers know of no run, and replay what they are asked for."""
    await host.close()
    await host.open()


async def test_a_value_is_one_whatever_the_order_of_its_metadata(tmp_path):
    """Serialized maps have an order of their own, which may differ for equal payloads."""
    claims = await open_claims(Options(claims=str(tmp_path / "claims")), home=None, make=True)
    names = [f"name{number}" for number in range(20)]
    payloads = [Payload(metadata=dict.fromkeys(order, b"x"), data=b"value") for order in (names, names[::-1])]
    context = StorageDriverStoreContext(StorageDriverWorkflowInfo(namespace="default", id="workflow-exec-run_1"))

    one, other = await _claims.ClaimDriver(claims).store(context, payloads)
    assert one == other


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [(lambda path: path.unlink(), "is missing"), (lambda path: path.write_bytes(b"spoilt"), "was changed")],
)
async def test_lost_value_fails_the_run(host, spoil, expected):
    """Also when only a replay needs it: the run says what is lost, and is not tried for ever."""
    run_id = await kept(host)
    await host.close()
    for path in files(host, run_id):
        spoil(path)
    await host.open()
    await host.signal(run_id, "go", "x" * 10)

    await host.until(lambda: host.outcome(run_id))
    assert host.outcome(run_id) == "failed"
    assert host.statuses(run_id)[-1]["status"]["error"].endswith(expected)
    assert (await host.handle(run_id).describe()).status == WorkflowExecutionStatus.TERMINATED


async def test_lost_argument_fails_the_run(host, monkeypatch):
    """An activity that cannot have its arguments is not tried again; the program learns why."""
    found, asked = _claims.ClaimDriver._retrieve, []

    async def spoilt(self, claim):
        asked.append(claim.claim_data["digest"])
        if len(set(asked)) > 1:  # the first one is the run's input
            monkeypatch.undo()
            (host.path.parent / "claims" / f"run-{claim.claim_data['run']}" / asked[-1]).unlink()
        return await found(self, claim)

    monkeypatch.setattr(_claims.ClaimDriver, "_retrieve", spoilt)
    run_id = await host.start({"steps": [["call", "measure"]], "value": noise(LARGE)}, "script")

    outcome, failure = await host.ended(run_id)
    assert (outcome, failure["detail"].endswith("is missing")) == ("failed", True)


@pytest.mark.parametrize("runner", ["script", "short"])
async def test_store_that_is_away_is_waited_for(host, runner):
    """A folder that is not mounted for a while fails nothing: tasks and activities are tried again."""
    run_id = await kept(host)
    made = await host.start({"steps": [["wait"], ["call", "make"], ["call", "measure"]]}, runner)
    folder, away = host.path.parent / "claims", host.path.parent / "away"
    folder.rename(away)
    folder.write_text("no folder")
    await host.signal(run_id, "go", noise(LARGE))
    await host.signal(made, "go", LARGE)
    later = await host.start({"steps": [["call", "measure"]], "value": noise(LARGE)}, "script")
    await host.until(lambda: host.query("SELECT count(*) FROM temporal_outbox")[0][0] == 2)
    folder.unlink()
    away.rename(folder)

    assert await host.ended(run_id) == ("completed", LARGE)
    assert await host.ended(later) == await host.ended(made) == ("completed", LARGE)


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder that has room for a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False)
    if mount.returncode:
        pytest.skip("one may not mount a small disk here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


async def test_full_disk_is_waited_for(host, small_disk, server, caplog):
    """What an activity returns is not lost when there is no room for it: it is tried again."""
    await host.close()
    host.options = Options(address=server.address, claims=str(small_disk / "claims"))
    await host.open()
    (small_disk / "ballast").write_bytes(b"x" * 900_000)
    run_id = await host.start({"steps": [["call", "make"], ["call", "measure"]], "value": LARGE}, "script")
    await host.until(lambda: caplog.text.count(f"a value of run {run_id} cannot be kept") > 1)
    (small_disk / "ballast").unlink()

    assert await host.ended(run_id) == ("completed", LARGE)


async def test_other_store_is_no_loss(host):
    """A worker with another folder than the one that has a value waits for the right one; the run goes on."""
    run_id = await kept(host)
    await host.close()
    folder, away = host.path.parent / "claims", host.path.parent / "away"
    folder.rename(away)
    await host.open()
    await host.signal(run_id, "go", "short")
    await host.until(lambda: not host.query("SELECT count(*) FROM temporal_outbox")[0][0])
    shutil.rmtree(folder)
    away.rename(folder)
    await again(host)

    assert await host.ended(run_id) == ("completed", 5)


@pytest.fixture
def bucket(monkeypatch):
    """Return a bucket; its credentials are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "the-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the-secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with FakeS3() as fake:
        yield fake


async def test_values_in_a_bucket(host, bucket, server):
    """The same with S3: signed with what the environment says, and what is there is encrypted."""
    await host.close()
    host.options = Options(address=server.address, claims="s3://values/of/mine", claims_endpoint=bucket.endpoint)
    await host.open()
    run_id = await kept(host)
    bucket.down = True
    await host.signal(run_id, "go", noise(LARGE, 1))
    bucket.down = False

    assert await host.ended(run_id) == ("completed", LARGE)
    assert bucket.signed_by == {"AWS4-HMAC-SHA256 Credential=the-key"}
    kept_there = [content for path, (content, _) in bucket.objects.items() if f"/of/mine/run-{run_id}/" in path]
    assert len(kept_there) > 1
    assert not any(noise(LARGE)[:20].encode() in content for content in kept_there)


async def test_settings_that_cannot_be_right_are_refused(tmp_path, bucket):
    """Credentials have no place in a setting; a worker does not make a store, for it may only not be mounted."""
    for wrong in (Options(claims="s3://key:secret@b"), Options(claims="relative"), Options(claims="s3://")):
        with pytest.raises(InvalidArgumentError):
            await open_claims(wrong, home=tmp_path, make=True)
    with pytest.raises(InvalidArgumentError, match="temporal_claims is needed"):
        await open_claims(Options(), home=None, make=False)
    for absent in (Options(claims=str(tmp_path / "none")), Options(claims="s3://b", claims_endpoint=bucket.endpoint)):
        with pytest.raises(UnavailableError):
            await open_claims(absent, home=None, make=False)


async def test_run_that_is_closed_in_temporal_is_recorded(host):
    """One that somebody terminates by hand does not seem to go on for ever."""
    run_id = await kept(host)
    await host.handle(run_id).terminate("no more")
    await host.until(lambda: host.outcome(run_id))

    assert host.outcome(run_id) == "failed"
    assert host.statuses(run_id)[-1]["status"]["phase"] == "EXECUTION_FAILED"
