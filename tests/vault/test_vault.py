"""The vault: a value opens in its own place with its own key, and a key is never replaced."""

from __future__ import annotations

import base64

import pytest

from stigmer_core.errors import FailedPreconditionError, NotFoundError, StoreError
from stigmer_core.store import Store
from stigmer_core.vault import Place, RootKeys, Vault
from stigmer_core.vault.service import SecretController

PLACE = Place("local", "Environment", "env_1", "spec.data/A")
KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "stigmer.db")
    for number in (1, 2):
        insert(store, f"env_{number}")
    yield store
    store.close()


@pytest.fixture
def keys(tmp_path):
    return RootKeys(tmp_path / "root.key")


def insert(store, resource_id):
    row = {"org": "local", "slug": resource_id, "data": "{}", "body": b""}
    store.run_blocking(lambda tx: tx.insert(kind="Environment", resource_id=resource_id, **row))


def seal(store, vault, place=PLACE, value="s3cret"):
    store.run_blocking(lambda tx: vault.seal(tx, place, value))


def reveal(store, vault, place=PLACE):
    return store.read(lambda reader: vault.reveal(reader, place))


@pytest.mark.parametrize("value", ["s3cret", "", "ünï", "\x00", "x" * 1_000_000])
def test_a_value_comes_back_as_it_was(store, keys, value):
    """Whatever text it is, also after the process has gone."""
    seal(store, Vault(keys), value=value)

    assert reveal(store, Vault(RootKeys(keys.file))) == value


def test_a_field_without_a_value_is_not_found(store, keys):
    """The error names the field."""
    with pytest.raises(NotFoundError, match=r"spec\.data/A"):
        reveal(store, Vault(keys))


@pytest.mark.parametrize(
    ("column", "value"),
    [("resource_id", "env_2"), ("field", "spec.data/B"), ("key_version", 2), ("sealed", b"\0" * 40)],
)
def test_a_row_that_was_moved_or_changed_does_not_open(store, keys, column, value):
    """Organisation, kind, id, field and key version are authenticated with the value."""
    vault = Vault(keys)
    seal(store, vault)
    store.run_blocking(vault.rotate)  # so that there is a version 2
    store.run_blocking(lambda tx: tx.execute(f"UPDATE secrets SET {column} = ?", (value,)))
    resource_id, field = store.read(lambda reader: reader.execute("SELECT resource_id, field FROM secrets"))[0]

    with pytest.raises(StoreError, match="was changed, or belongs elsewhere"):
        reveal(store, vault, PLACE._replace(resource_id=resource_id, field=field))


@pytest.mark.parametrize("part", ["org", "kind"])
def test_another_organisation_or_kind_cannot_open_it(store, keys, part):
    """Both are authenticated; an organisation has a key of its own as well."""
    vault = Vault(keys)
    seal(store, vault)
    seal(store, vault, Place("other", "Environment", "env_2", "spec.data/A"))

    with pytest.raises(StoreError):
        reveal(store, vault, PLACE._replace(**{part: "other"}))


def test_every_flipped_bit_is_seen(store, keys):
    """AES-GCM authenticates all of nonce, value and tag."""
    vault = Vault(keys)
    seal(store, vault, value="ab")
    sealed = store.read(lambda reader: reader.execute("SELECT sealed FROM secrets"))[0][0]

    for bit in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[bit // 8] ^= 1 << bit % 8
        store.run_blocking(lambda tx, damaged=damaged: tx.execute("UPDATE secrets SET sealed = ?", (bytes(damaged),)))
        with pytest.raises(StoreError):
            reveal(store, vault)


def test_a_new_key_file_is_for_its_owner_only(store, keys):
    """Mode 0600, one line of base64."""
    seal(store, Vault(keys))

    assert keys.file.stat().st_mode & 0o777 == 0o600
    assert len(base64.b64decode(keys.file.read_text())) == 32


@pytest.mark.parametrize("content", ["", "not base64!", base64.b64encode(b"short").decode(), "\xff"])
def test_a_key_that_exists_and_cannot_be_read_is_never_replaced(store, keys, content):
    """An error, and the file is as it was."""
    keys.file.write_bytes(content.encode("latin-1"))
    keys.file.chmod(0o600)

    with pytest.raises(StoreError):
        seal(store, Vault(keys))

    assert keys.file.read_bytes() == content.encode("latin-1")


def test_a_key_that_others_can_read_is_refused(store, keys):
    """With the command that mends it."""
    keys.file.write_text(KEY)
    keys.file.chmod(0o644)

    with pytest.raises(StoreError, match="chmod 600"):
        seal(store, Vault(keys))


def test_a_lost_key_names_what_cannot_be_read(store, keys):
    """The check at the start of a server lists the secrets, and nothing makes a new key."""
    seal(store, Vault(keys))
    keys.file.unlink()

    with pytest.raises(StoreError, match="Environment local/env_1 A"):
        store.read(Vault(keys).check)
    assert not keys.file.exists()


def test_a_store_without_secrets_needs_no_key(store, keys):
    """The check passes and makes no file."""
    store.read(Vault(keys).check)

    assert not keys.file.exists()


async def test_rotation_keeps_every_value_readable(store, keys):
    """The old root key is not needed any more; new values have a new data key."""
    vault = Vault(keys)
    seal(store, vault)
    old = keys.file.read_text()

    answer = await SecretController(store, vault, keys).rotate_keys(None)
    seal(store, vault, PLACE._replace(resource_id="env_2"))

    assert (answer.data_keys, answer.root_key_id) == (1, keys.load()[0].id)
    assert old not in keys.file.read_text()
    assert len(keys.load()) == 1
    assert reveal(store, Vault(RootKeys(keys.file))) == "s3cret"
    versions = store.read(lambda reader: reader.execute("SELECT key_version FROM secrets ORDER BY resource_id"))
    assert versions == [(1,), (2,)]


async def test_rotation_that_crashed_is_finished_by_the_next_one(store, keys):
    """With the new root key in the file and the data keys still under the old one."""
    vault = Vault(keys)
    seal(store, vault)
    keys.rotate()

    assert reveal(store, Vault(keys)) == "s3cret"
    await SecretController(store, vault, keys).rotate_keys(None)
    assert len(keys.load()) == 1
    assert reveal(store, Vault(keys)) == "s3cret"


async def test_a_key_of_the_environment_is_rotated_by_its_owner(store, tmp_path):
    """Alone it cannot be; behind a new one it is left behind."""
    file = tmp_path / "none"
    seal(store, Vault(RootKeys(file, variable=KEY)))

    alone = RootKeys(file, variable=KEY)
    with pytest.raises(FailedPreconditionError, match="in front of it"):
        await SecretController(store, Vault(alone), alone).rotate_keys(None)
    both = RootKeys(file, variable=f"{OTHER},{KEY}")
    await SecretController(store, Vault(both), both).rotate_keys(None)

    assert reveal(store, Vault(RootKeys(file, variable=OTHER))) == "s3cret"
    assert not file.exists()


def test_bytes_of_no_organisation_open_for_their_purpose_only(store, keys):
    """A plugin keeps them itself, also over a rotation of the root key."""
    vault = Vault(keys)
    version, sealed = store.run_blocking(lambda tx: vault.encrypt(tx, "value one", b"s3cret"))
    keys.rotate()
    store.run_blocking(vault.rotate)

    assert b"s3cret" not in sealed
    assert store.read(lambda reader: vault.decrypt(reader, "value one", version, sealed)) == b"s3cret"
    with pytest.raises(StoreError, match="value two cannot be decrypted"):
        store.read(lambda reader: vault.decrypt(reader, "value two", version, sealed))
