"""A cache of resource bodies, bounded by bytes, and exact: it never serves what a commit has replaced."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OVERHEAD_BYTES = 200  # of an entry: the key, the bytes object, its place in the dict


class BodyCache:
    """Least recently used bodies by resource id.

    A reader announces the load before it reads. An invalidation takes the announcement away, so that a body read
    before the commit cannot be put after it.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._bodies: dict[str, bytes] = {}
        self._loading: dict[str, object] = {}
        self._lock = Lock()
        self.size_bytes = 0

    def get(self, key: str, load: Callable[[str], bytes | None]) -> bytes | None:
        """Return the body, by `load` when it is not here."""
        with self._lock:
            body = self._bodies.pop(key, None)
            if body is not None:
                self._bodies[key] = body
                return body
            announcement = self._loading[key] = object()
        try:
            body = load(key)
        except BaseException:
            self._finish(key, announcement, None)
            raise
        self._finish(key, announcement, body)
        return body

    def invalidate(self, keys: Iterable[str]) -> None:
        """Forget these; a load that is under way will not be kept."""
        with self._lock:
            for key in keys:
                self._loading.pop(key, None)
                body = self._bodies.pop(key, None)
                if body is not None:
                    self.size_bytes -= len(body) + OVERHEAD_BYTES

    def _finish(self, key: str, announcement: object, body: bytes | None) -> None:
        with self._lock:
            if self._loading.get(key) is not announcement:
                return
            del self._loading[key]
            if body is None:
                return
            self._bodies[key] = body
            self.size_bytes += len(body) + OVERHEAD_BYTES
            while self.size_bytes > self._limit_bytes:
                oldest = next(iter(self._bodies))
                self.size_bytes -= len(self._bodies.pop(oldest)) + OVERHEAD_BYTES
