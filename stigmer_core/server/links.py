"""URLs of the HTTP host, for what is too large for gRPC: signed, so that who has one may use it until it expires."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from stigmer_core.errors import FailedPreconditionError, PermissionDeniedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

_SIGNATURE_BYTES = 32


class Links:
    """Mints and checks URLs.

    Args:
        secret: what signatures are made with; the same after a restart, so that links stay good.
    """

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"stigmer links\0" + secret.encode()).digest()
        self._base = ""

    def serve_at(self, address: str) -> None:
        """Say where the HTTP host listens, as `127.0.0.1:7235`; an empty address when it stops."""
        self._base = f"http://{address}" if address else ""

    def url(self, path: str, **query: str) -> str:
        """Return the URL of a path.

        Raises:
            FailedPreconditionError: there is no HTTP host, as in a command that runs without a server.
        """
        if not self._base:
            raise FailedPreconditionError("this needs the HTTP host: start a server with --http 127.0.0.1:7235")
        return f"{self._base}{quote(path)}" + (f"?{urlencode(query)}" if query else "")

    def signed(self, path: str, *, lasts: timedelta) -> str:
        """Return the URL of a path that is good for a while.

        Raises:
            FailedPreconditionError: there is no HTTP host.
        """
        expires = str(int(time.time() + lasts.total_seconds()))
        return self.url(path, expires=expires, signature=self._signature(path, expires))

    def require_signed(self, path: str, query: Mapping[str, str]) -> None:
        """Check the query of a signed URL.

        Raises:
            PermissionDeniedError: it was not made here, or not for this path, or has expired.
        """
        expires = query.get("expires", "")
        expected = self._signature(path, expires)
        if not hmac.compare_digest(query.get("signature", "").encode("utf-8", "replace"), expected.encode()):
            raise PermissionDeniedError("the signature of this link is wrong: ask for a new link")
        if int(expires) < time.time():
            raise PermissionDeniedError("this link has expired: ask for a new one")

    def _signature(self, path: str, expires: str) -> str:
        content = f"{path}\n{expires}".encode()
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()[: 2 * _SIGNATURE_BYTES]
