"""Where Temporal is, and how one gets in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Json

TABLE = "temporal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of the engine. Without an address a server of its own is started."""

    address: str = ""
    namespace: str = "default"
    api_key: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_server_name: str = ""
    work: bool = True  # whether the server does what workers can do, too
    claims: str = ""  # where large values are kept: a folder, or s3://bucket/prefix
    claims_endpoint: str = ""  # of S3, when it is not Amazon's
    encryption: bool = True  # of all values that enter a history

    @classmethod
    def of(cls, configuration: Mapping[str, Json]) -> Options:
        """Return the options that plugins see of the settings.

        Raises:
            InvalidArgumentError: one has a value that cannot be right.
        """
        given = configuration.get(TABLE, {})
        known = {name: given[name] for name in cls.__dataclass_fields__ if given.get(name)}
        for name in {"work", "encryption"} & set(known):
            known[name] = _truth(f"temporal_{name}", known[name])
        return cls(**known)

    def tls(self) -> Any:
        """Return the TLS settings of a connection, or False for none; an API key is never sent in the clear.

        Raises:
            InvalidArgumentError: a file cannot be read, or a key comes without its certificate.
        """
        if bool(self.tls_cert) != bool(self.tls_key):
            raise InvalidArgumentError("temporal_tls_cert and temporal_tls_key belong together: give both or none")
        if not (self.tls_ca or self.tls_cert or self.tls_server_name):
            return bool(self.api_key)
        from temporalio.service import TLSConfig  # noqa: PLC0415 - with the engine

        return TLSConfig(
            server_root_ca_cert=_content(self.tls_ca),
            client_cert=_content(self.tls_cert),
            client_private_key=_content(self.tls_key),
            domain=self.tls_server_name or None,
        )


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise InvalidArgumentError(f"{name} must be true or false, this is {value!r}")
    return value == "true"


def _content(path: str) -> bytes | None:
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidArgumentError(f"{path} cannot be read: {error.strerror}") from error
