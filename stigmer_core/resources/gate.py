"""What must be there before a run is written: a runner that can execute it, and an engine that takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stigmer_core.errors import FailedPreconditionError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_core.program import Engine, Runner


@dataclass(frozen=True, slots=True)
class RunGate:
    """Stands before the runs of a runner.

    `what` is what the runner runs, in the plural, and `plugin` the distribution that brings it: both for messages.
    """

    runner: str
    what: str
    plugin: str
    engine: Engine | None
    runners: Mapping[str, Runner]

    def require_ready(self) -> Engine:
        """Return the engine when a run could start now; asked before anything is written.

        Raises:
            FailedPreconditionError: no engine or no runner is installed.
            UnavailableError: the engine cannot take runs now.
        """
        engine = self._installed()
        if not engine.ready():
            raise UnavailableError(f"the engine {engine.name} takes no runs now: try again")
        return engine

    def require_reachable(self) -> Engine:
        """Return the engine when a run that is there could be told something now.

        Raises:
            FailedPreconditionError: no engine or no runner is installed, or the engine is away.
        """
        engine = self._installed()
        if not engine.ready():
            raise FailedPreconditionError(f"the engine {engine.name} is not available: try again when it is back")
        return engine

    def _installed(self) -> Engine:
        if self.runner not in self.runners:
            raise FailedPreconditionError(f"nothing here runs {self.what}: pip install {self.plugin}")
        if self.engine is None:
            raise FailedPreconditionError("no engine is installed: pip install stigmer-plugin-engine-local")
        return self.engine
