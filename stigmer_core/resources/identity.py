"""Resource ids: `agt_01jd2v...`, a prefix and a lower-case ULID."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80


class IdSource:
    """Mints ULIDs that rise within one process, also when the clock goes back; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def mint(self, prefix: str) -> str:
        """Return a new id with a kind's prefix."""
        fresh = (time.time_ns() // 1_000_000) << _RANDOM_BITS | secrets.randbits(_RANDOM_BITS)
        with self._lock:
            self._last = max(fresh, self._last + 1)
            value = self._last
        return f"{prefix}_{_base32(value)}"


def _base32(value: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))
