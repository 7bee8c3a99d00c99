"""The RPCs of Environment and ExecutionContext beyond the generic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.environment.v1 import io_pb2
from ai.stigmer.agentic.environment.v1.spec_pb2 import EnvironmentValue

from stigmer_core.errors import NotFoundError
from stigmer_core.kind import Encoded
from stigmer_core.resources import numbered_page, spliced

if TYPE_CHECKING:
    from collections.abc import Callable

    from ai.stigmer.agentic.environment.v1.api_pb2 import Environment
    from ai.stigmer.agentic.executioncontext.v1.api_pb2 import ExecutionContext
    from ai.stigmer.agentic.executioncontext.v1.io_pb2 import ExecutionContextExecutionIdInput

    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_core.store import Reader, Transaction


class EnvironmentCommands:
    """Serves `updateVariables` and `removeVariables`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def update_variables(self, request: io_pb2.UpdateEnvironmentVariablesRequest) -> Any:
        """Set variables and leave the others; the redaction marker keeps a stored secret."""

        def merge(environment: Environment) -> None:
            for name, value in request.variables.items():
                environment.spec.data[name].CopyFrom(value)

        return await self._changed(request.environment_id, merge)

    async def remove_variables(self, request: io_pb2.RemoveEnvironmentVariablesRequest) -> Any:
        """Take variables out; one that is not there is fine."""

        def remove(environment: Environment) -> None:
            for name in request.keys:
                environment.spec.data.pop(name, None)

        return await self._changed(request.environment_id, remove)

    async def _changed(self, environment_id: str, change: Callable[[Environment], None]) -> Any:
        def update(tx: Transaction) -> Any:
            environment = self._resources.get_in(tx, self._kind, environment_id)
            change(environment)
            draft = self._resources.prepare(self._kind, environment, creating=False)
            return self._resources.update_in(tx, self._kind, draft)

        return await self._resources.store.run(update)


class EnvironmentQueries:
    """Serves `getSecretValue` and `list`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def get_secret_value(self, request: io_pb2.EnvironmentSecretValueInput) -> EnvironmentValue:
        """Return one variable with its value: the only RPC that shows a secret.

        Raises:
            NotFoundError: there is no such environment, or no such variable in it.
        """

        def reveal(reader: Reader) -> EnvironmentValue:
            environment = self._resources.get_in(reader, self._kind, request.environment_id)
            if request.key not in environment.spec.data:
                text = f"environment {request.environment_id} has no variable {request.key!r}"
                raise NotFoundError("variable", request.key, text)
            revealed = self._resources.revealed_in(reader, self._kind, environment)
            return EnvironmentValue.FromString(revealed.spec.data[request.key].SerializeToString())

        return self._resources.store.read(reveal)

    async def list(self, request: io_pb2.ListEnvironmentsRequest) -> Encoded:
        """Return a page of an organization's environments, newest first; every one of `labels` must match."""
        page = numbered_page(request.page_info)
        where: dict[str, Any] = {"org": request.org, "labels": dict(request.labels)}
        rows, total = self._resources.store.read(
            lambda reader: (
                reader.page(self._kind.name, limit=page.size, offset=page.offset, **where),
                reader.count(self._kind.name, **where),
            )
        )
        return spliced(io_pb2.EnvironmentList(total_count=total), "items", rows)


class ContextCommands:
    """Serves `apply`, which creates only."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._resources = resources

    async def apply(self, request: ExecutionContext) -> ExecutionContext:
        """Store a new context.

        Raises:
            AlreadyExistsError: there is one of this slug: what a run was given does not change.
        """
        draft = self._resources.prepare(self._kind, request, creating=True)
        return await self._resources.store.run(lambda tx: self._resources.create_in(tx, self._kind, draft))


class ContextQueries:
    """Serves `getByExecutionId`."""

    def __init__(self, kind: Kind, resources: Resources) -> None:
        self._kind = kind
        self._store = resources.store

    async def get_by_execution_id(self, request: ExecutionContextExecutionIdInput) -> Encoded:
        """Return the context of a run, its secrets redacted.

        Raises:
            NotFoundError: the run has none.
        """
        index = ("spec.execution_id", request.execution_id)
        rows = self._store.read(lambda reader: reader.page(self._kind.name, index=index, limit=1))
        if not rows:
            text = f"{self._kind.label()} not found for execution {request.execution_id}"
            raise NotFoundError(self._kind.label(), request.execution_id, text)
        return Encoded(rows[0].body)
