"""How the parts of this plugin that are made apart find each other.

A kind's steps are plain functions, and a runner is made before there are an engine and a channel. Both need them: a
step starts the run that waits for the schedule's times in the very transaction that writes the schedule, whichever
RPC writes it, and the activity that fires creates an agent run over the channel. So the runner carries a `Wiring`,
which `stigmer_services` fills once it knows the rest; a step finds the runner, and with it the wiring, by its
`resources`. Nothing is global: two installations in one process have a runner, and so a wiring, each.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from stigmer_core.errors import FailedPreconditionError, UnavailableError
from stigmer_core.program import Runner

if TYPE_CHECKING:
    import grpc.aio

    from stigmer_core.program import Engine
    from stigmer_core.resources import Resources

RUNNER = "schedule"

T = TypeVar("T")


@dataclass(slots=True)
class Wiring:
    """The engine, the resources and the channel of one installation, from its `connect` on."""

    _resources: Resources | None = None
    _engine: Engine | None = None
    _channel: grpc.aio.Channel | None = None

    def connect(self, resources: Resources, engine: Engine | None, channel: grpc.aio.Channel) -> None:
        """Say what there is; `engine` is None when none is installed."""
        self._resources, self._engine, self._channel = resources, engine, channel

    @property
    def resources(self) -> Resources:
        """The resources.

        Raises:
            UnavailableError: the installation is not put together yet.
        """
        return _there(self._resources)

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel to this installation's services.

        Raises:
            UnavailableError: the installation is not put together yet.
        """
        return _there(self._channel)

    @property
    def engine(self) -> Engine | None:
        """The engine, or None."""
        return self._engine

    def require_engine(self) -> Engine:
        """Return the engine.

        Raises:
            FailedPreconditionError: none is installed, so nothing would ever fire.
        """
        if self._engine is None:
            raise FailedPreconditionError(
                "no engine is installed, so the schedule would never fire: pip install stigmer-plugin-engine-local,"
                " or set spec.enabled to false"
            )
        return self._engine


@dataclass(frozen=True, slots=True)
class ScheduleRunner(Runner):
    """The runner of schedules, which carries the wiring of its installation."""

    wiring: Wiring = field(default_factory=Wiring)


def wiring_of(resources: Resources) -> Wiring:
    """Return the wiring of an installation."""
    runner = resources.runners[RUNNER]
    assert isinstance(runner, ScheduleRunner)
    return runner.wiring


def _there(part: T | None) -> T:
    if part is None:
        raise UnavailableError("the server is still starting: try again")
    return part
