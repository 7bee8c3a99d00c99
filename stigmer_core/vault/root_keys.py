"""The root keys: 32 random bytes each, from the environment or a 0600 file of the home. The first one is current."""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.private_file import write_private
from stigmer_core.vault.key_text import KEY_BYTES, MAKE_ONE, parsed_keys, read_keys, written_keys

VARIABLE = "STIGMER_ROOT_KEY"
FILE_VARIABLE = "STIGMER_ROOT_KEY_FILE"
_NAME = "root key"


@dataclass(frozen=True, slots=True)
class RootKey:
    """A root key and its id, which says nothing of the key."""

    id: str
    content: bytes

    @classmethod
    def of(cls, content: bytes) -> RootKey:
        """Return the key that these bytes are."""
        return cls(hashlib.sha256(b"stigmer root key\0" + content).hexdigest()[:16], content)


class RootKeys:
    """Where the root keys are kept: `STIGMER_ROOT_KEY`, the file `STIGMER_ROOT_KEY_FILE` names, or `<home>/root.key`.

    Several keys stand on lines of their own, or between commas; the first one is current. The file is made at the
    first need, and never replaced when it exists and cannot be read.
    """

    def __init__(self, file: Path, *, variable: str | None = None) -> None:
        self.file = file
        self._variable = variable

    @classmethod
    def of_home(cls, home: Path) -> RootKeys:
        """Return the keys of a home, or those that the environment names."""
        return cls(Path(os.environ.get(FILE_VARIABLE) or home / "root.key"), variable=os.environ.get(VARIABLE))

    def load(self) -> list[RootKey]:
        """Return every key, the current one first; none when there is no file yet.

        Raises:
            StoreError: there is one that cannot be read.
        """
        if self._variable is not None:
            return [RootKey.of(key) for key in parsed_keys(self._variable, VARIABLE, _NAME)]
        try:
            return [RootKey.of(key) for key in read_keys(self.file, _NAME)]
        except FileNotFoundError:
            return []

    def current(self) -> RootKey:
        """Return the key that new data keys are encrypted with; made, and durable, when there is none yet."""
        keys = self.load()
        if not keys:
            keys = [RootKey.of(secrets.token_bytes(KEY_BYTES))]
            self._write(keys)
        return keys[0]

    def rotate(self) -> RootKey:
        """Put a new key in front of the others and return it; of several in the environment return the first.

        Raises:
            FailedPreconditionError: the environment has only one, which only its owner can change.
        """
        if self._variable is not None:
            keys = self.load()
            if len(keys) == 1:
                raise FailedPreconditionError(
                    f"the root key comes from {VARIABLE}: put a new one in front of it (`new,old`), start again, and"
                    f" rotate; make one with {MAKE_ONE}"
                )
            return keys[0]
        key = RootKey.of(secrets.token_bytes(KEY_BYTES))
        self._write([key, *self.load()])
        return key

    def forget_all_but(self, key: RootKey) -> None:
        """Drop every other key from the file, once nothing needs them."""
        if self._variable is None:
            self._write([key])

    def _write(self, keys: list[RootKey]) -> None:
        write_private(self.file, written_keys(key.content for key in keys))
