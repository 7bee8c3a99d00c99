"""The key itself: how it is made, and what is stored in its place."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field

_SHAPE = re.compile(r"stk_[A-Za-z0-9_-]{43}")
_RANDOM_BYTES = 32
_FINGERPRINT_CHARACTERS = 6


@dataclass(frozen=True, slots=True)
class Secret:
    """A key in plain text. It lives as long as the call that makes it, or the call that it authenticates."""

    text: str = field(repr=False)

    @classmethod
    def mint(cls) -> Secret:
        """Return a new key: `stk_` and 32 random bytes in base64url, which are 43 characters."""
        return cls("stk_" + secrets.token_urlsafe(_RANDOM_BYTES))

    @property
    def hash(self) -> str:
        """Its SHA-256 in base64url without padding, which are 43 characters.

        A fast hash is enough: nobody guesses 256 random bits, and it is computed for every call.
        """
        return base64.urlsafe_b64encode(hashlib.sha256(self.text.encode()).digest()).decode().rstrip("=")

    @property
    def fingerprint(self) -> str:
        """Its last characters, which people recognise it by."""
        return self.text[-_FINGERPRINT_CHARACTERS:]


def is_key(text: str) -> bool:
    """Return whether a text has the shape of a key, whether there is such a key or not."""
    return _SHAPE.fullmatch(text) is not None
