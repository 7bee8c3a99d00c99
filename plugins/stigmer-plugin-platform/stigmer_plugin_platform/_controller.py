"""What this server says of itself, and what it does not have for runners of other editions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ai.stigmer.platform.v1 import license_pb2, server_info_pb2

from stigmer_core import __version__
from stigmer_core.errors import FailedPreconditionError


class PlatformQueries:
    """Serves every RPC of the platform.

    Args:
        authentication_required: whether calls over TCP need a token; None where nobody knows, and then the answer
            leaves it open too.
    """

    def __init__(self, *, authentication_required: bool | None = None) -> None:
        self._authentication_required = authentication_required

    async def get_server_info(self, request: Any) -> server_info_pb2.GetServerInfoOutput:  # noqa: ARG002 - an RPC's shape
        """Return edition and version, for clients that do not know yet whom they talk to."""
        return server_info_pb2.GetServerInfoOutput(
            edition=server_info_pb2.oss,
            version=__version__,
            authentication_required=self._authentication_required,
        )

    async def get_license_status(self, request: Any) -> server_info_pb2.GetLicenseStatusOutput:  # noqa: ARG002 - an RPC's shape
        """Return that there is no license: open source needs none."""
        status = server_info_pb2.GetLicenseStatusOutput(state=license_pb2.absent)
        status.checked_at.FromDatetime(datetime.now(UTC))
        return status

    async def get_runner_bootstrap_config(self, request: Any) -> Any:  # noqa: ARG002 - an RPC's shape
        """Refuse: the answer is where Temporal is.

        Raises:
            FailedPreconditionError: always.
        """
        raise FailedPreconditionError(
            "a runner starts from Temporal coordinates, which this server does not have:"
            " only `stigmer serve --engine temporal` has them"
        )

    async def get_runner_scoped_token(self, request: Any) -> Any:  # noqa: ARG002 - an RPC's shape
        """Refuse: every runner is trusted alike.

        Raises:
            FailedPreconditionError: always.
        """
        raise FailedPreconditionError(
            "this open-source server has no scoped tokens: runners call it with the token of the home"
        )
