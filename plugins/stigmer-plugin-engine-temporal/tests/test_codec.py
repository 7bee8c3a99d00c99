"""What Temporal sees: nothing of a value, whatever it is part of."""

from __future__ import annotations

import base64
import re
import sqlite3
from pathlib import Path

import pytest
from stigmer_plugin_engine_temporal import _keys
from stigmer_plugin_engine_temporal._codec import EncryptionCodec
from stigmer_plugin_engine_temporal._keys import Keys, PayloadKey
from stigmer_plugin_engine_temporal._lost import Lost
from stigmer_plugin_engine_temporal._options import Options
from stigmer_plugin_engine_temporal._payloads import Converter
from temporal_host import Host
from temporal_values import script_runners
from temporalio.api.common.v1 import Payload

from stigmer_core.errors import StoreError, UnavailableError
from stigmer_core.program import ActivityError, Failure, Runner

SECRET, OLD, NEW = "xyzzy-plugh", PayloadKey.of(b"1" * 32), PayloadKey.of(b"2" * 32)


def payload(content):
    """Return a payload of some bytes."""
    return Payload(metadata={"encoding": b"json/plain"}, data=content)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 5_000, bytes(range(256)) * 1_000])
async def test_what_is_encoded_is_decoded(content):
    """With its metadata; large values give the same bytes each time, small ones never."""
    codec = EncryptionCodec(Keys([NEW]))
    first, second = await codec.encode([payload(content), payload(content)])

    assert await codec.decode([first, second]) == [payload(content)] * 2
    assert (first == second) == (len(content) > 64 * 1024)
    assert set(first.metadata) == {"encoding", "encryption-key-id"}


async def test_large_values_are_the_same_bytes_whatever_the_order_of_their_metadata():
    """Serialized maps have an order of their own, which may differ for equal payloads."""
    names = [f"name{number}" for number in range(20)]
    equal = [Payload(metadata=dict.fromkeys(order, b"x"), data=b"x" * 100_000) for order in (names, names[::-1])]

    one, other = await EncryptionCodec(Keys([NEW])).encode(equal)
    assert one == other


async def test_old_keys_are_read_and_the_new_one_writes():
    """After a rotation what is in histories stays readable; who has the new key only cannot read it yet."""
    [written] = await EncryptionCodec(Keys([OLD])).encode([payload(b"old")])
    rotated = EncryptionCodec(Keys([NEW, OLD]))
    [again] = await rotated.encode([payload(b"new")])

    assert await rotated.decode([written]) == [payload(b"old")]
    assert again.metadata["encryption-key-id"] == NEW.id.encode()
    with pytest.raises(UnavailableError, match=f"the payload key {OLD.id} is not known here"):
        await EncryptionCodec(Keys([NEW])).decode([written])


async def test_key_that_is_not_known_is_asked_for():
    """A worker that runs while keys are rotated gets the new one from the server."""
    [written] = await EncryptionCodec(Keys([NEW])).encode([payload(b"new")])

    async def ask():
        return Keys([NEW, OLD]).text()

    keys = Keys([OLD], ask)
    assert await EncryptionCodec(keys).decode([written]) == [payload(b"new")]
    assert keys.current == NEW


@pytest.mark.parametrize("at", [0, 5, 20, -1])
async def test_changed_value_is_refused(at):
    """Every byte is authenticated, and the run that needs it fails."""
    codec = EncryptionCodec(Keys([NEW]))
    [written] = await codec.encode([payload(b"x" * 2_000)])
    data = bytearray(written.data)
    data[at] ^= 1
    written.data = bytes(data)

    [found] = Converter().from_payloads(await codec.decode([written]))
    assert found == Lost("a value of the run cannot be decrypted: it was changed")


async def test_values_of_other_clients_are_read():
    """Somebody may send a signal with Temporal's own tools."""
    assert await EncryptionCodec(Keys([NEW])).decode([payload(b"plain")]) == [payload(b"plain")]


def test_keys_of_the_environment(tmp_path, monkeypatch):
    """A variable, or a file that nobody else reads; the first key writes."""
    text = Keys([NEW, OLD]).text()
    monkeypatch.setenv(_keys.FILE_VARIABLE, str(tmp_path / "keys"))
    with pytest.raises(StoreError, match="there is no file"):
        _keys.of_environment()
    (tmp_path / "keys").write_text(text)
    with pytest.raises(StoreError, match="chmod 600"):
        _keys.of_environment()
    (tmp_path / "keys").chmod(0o600)
    from_file = _keys.of_environment()
    monkeypatch.setenv(_keys.VARIABLE, ",".join(text.split()))

    assert from_file.text() == _keys.of_environment().text() == text
    assert from_file.current == NEW


@pytest.mark.parametrize("text", ["", "no base64!", base64.b64encode(b"short").decode()])
def test_keys_that_cannot_be_right_are_refused(text):
    """With their source, and nothing of them."""
    with pytest.raises(StoreError, match=r"^the file"):
        Keys.parse(text, "the file")


async def test_installation_keeps_its_keys(tmp_path, server):
    """Encrypted by its vault; rotating the vault's keys gives a new one in front, and the old one stays."""
    host = await Host(tmp_path / "stigmer.db", script_runners(), server.address).open()
    first = host.engine.payload_keys()
    await host.store.run(host.engine._vault.rotate)
    await host.close()
    await host.open()
    both = host.engine.payload_keys()
    await host.close()

    assert both.split()[1:] == first.split()
    assert len(both.split()) == 2
    assert base64.b64decode(first) not in (tmp_path / "stigmer.db").read_bytes()


async def leak(arguments, context):
    """Fail with what one was given."""
    raise ActivityError(Failure(f"urn:{SECRET}", f"Title {SECRET}", 500, f"detail {arguments}"))


def revealing():
    """Return the runners of scripts with an activity that tells all."""
    runner = script_runners()["script"]
    return {"script": Runner("script", runner.program, {**runner.activities, "leak": leak})}


async def everything(host):
    """Have runs that use each way a value takes; return their raw histories and what they are found by."""
    child = ["child", [["call", "echo"], ["publish"]]]
    done = await host.start({"steps": [["call", "echo"], child, ["many", "echo", 2]], "value": SECRET}, "script")
    large = await host.start({"steps": [["call", "echo"]], "value": f"{SECRET} " * 50_000}, "script")
    failed = await host.start({"steps": [["child", [["call", "leak"]]]], "value": SECRET}, "script")
    waits = await host.start({"steps": [["call", "echo"], ["wait"], ["wait"]], "value": SECRET}, "script")
    for run_id in (done, large, failed):
        await host.ended(run_id)
    await host.signal(waits, SECRET, {"payload": SECRET}, signal_id=SECRET)
    await host.handle(waits).execute_update("deliver", {"id": "u", "name": "n", "payload": SECRET})
    await host.handle(waits).query("state")
    await host.store.run(lambda tx: host.engine.cancel(tx, waits, f"because {SECRET}"))
    await host.until(lambda: host.outcome(waits))
    runs = [done, f"{done}/step1", large, failed, f"{failed}/step0", waits]
    return runs, [await host.handle(run_id).fetch_history() for run_id in runs]


def raw(histories):
    """Return all bytes of some histories."""
    return b"".join(event.SerializeToString() for history in histories for event in history.events)


def database(folder):
    """Return all bytes of the Temporal server's database."""
    with sqlite3.connect(folder / "temporal.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return b"".join(path.read_bytes() for path in folder.glob("temporal.db*"))


async def test_nothing_of_a_value_is_in_a_history(tmp_path, server):
    """Nor in the server's database: inputs, results, failures, signals, updates, reasons. Ids and types are."""
    host = await Host(tmp_path / "stigmer.db", revealing(), server.address).open()
    runs, histories = await everything(host)
    await host.close()
    stored = database(Path(server._home))

    assert SECRET.encode() not in raw(histories)
    assert SECRET.encode() not in stored
    assert all(run_id.encode() in stored for run_id in runs)
    kept = [path.read_bytes() for path in (tmp_path / "claims").glob("*/*")]
    assert not any(SECRET.encode() in content for content in kept)
    assert {"encoding", "encryption-key-id"} >= set(
        re.findall(r'"(encod\w+|encryption-key-id)"', histories[0].to_json())
    )


async def test_encryption_can_be_off(tmp_path, server):
    """For who wants to read values in Temporal's console; the test above would see them."""
    host = Host(tmp_path / "stigmer.db", revealing(), server.address)
    host.options = Options(address=server.address, encryption=False)
    await host.open()
    _, histories = await everything(host)
    await host.close()

    assert host.engine.payload_keys() == ""
    assert SECRET.encode() in raw(histories)
