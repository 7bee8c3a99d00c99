"""The activities of workflows: everything that a program may ask for, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from stigmer_core.program import Activity
    from stigmer_plugin_workflow_runner.wiring import Wiring


def activities(
    wiring: Wiring, *, allow: Sequence[str] = (), transport: httpx.AsyncBaseTransport | None = None
) -> Mapping[str, Activity]:
    """Return every activity.

    Args:
        wiring: what they work with.
        allow: hosts and networks that may be reached although they are private or loopback.
        transport: what carries HTTP requests instead of the network, for tests.
    """
    from stigmer_plugin_workflow_runner.activities.http import HttpActivity  # noqa: PLC0415 - with the first runner

    found: dict[str, Activity] = {
        "http": HttpActivity(allow=allow, transport=transport),
    }
    return {name: wiring.with_secrets(activity) for name, activity in found.items()}
