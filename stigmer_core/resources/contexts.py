"""The variables that a run starts with: environments in order, then what the caller brings, as an ExecutionContext."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stigmer_core.resources.pipeline import Resources
    from stigmer_core.store import Reader, Transaction

_PLUGIN = "stigmer-plugin-environment"
ENVIRONMENT, CONTEXT = "Environment", "ExecutionContext"


def open_context(
    tx: Transaction,
    resources: Resources,
    execution: Any,
    *,
    environment_refs: Iterable[Any] = (),
    runtime_env: Mapping[str, Any] | None = None,
    declared: Mapping[str, Any] | None = None,
) -> Any:
    """Store the context of a new run and return it; None when the run has no variable at all.

    Args:
        tx: the transaction that creates the run.
        resources: the pipeline.
        execution: the stored execution.
        environment_refs: references to environments; a later one wins.
        runtime_env: values that win over all of these.
        declared: what the run says it needs, by name; a value of a declared secret is one.

    Raises:
        FailedPreconditionError: an environment is missing, or no plugin provides these kinds.
    """
    merged: dict[str, Any] = {}
    for reference in environment_refs:
        merged.update(_environment(tx, resources, reference, execution.metadata.org))
    merged.update(runtime_env or {})
    if not merged:
        return None
    kind = _kind(resources, CONTEXT)
    context: Any = kind.message()
    context.api_version, context.kind = kind.api_version, kind.name
    context.metadata.name = context.metadata.slug = execution.metadata.id.replace("_", "-")
    context.metadata.org = execution.metadata.org
    context.spec.execution_id = execution.metadata.id
    secrets = {name for name, needed in (declared or {}).items() if needed.is_secret}
    for name, value in merged.items():
        entry = context.spec.data[name]
        entry.value, entry.is_secret = value.value, value.is_secret or name in secrets
    return resources.create_in(tx, kind, resources.prepare(kind, context, creating=True))


def close_context(tx: Transaction, resources: Resources, execution_id: str) -> None:
    """Delete the context of a run that has ended for good; its secrets are gone with it."""
    kind = resources.kinds.get(CONTEXT)
    if kind is None:
        return
    for row in tx.page(kind.name, index=("spec.execution_id", execution_id), limit=10):
        resources.delete_in(tx, kind, row.id, cascading=True)


def context_values(reader: Reader, resources: Resources, execution_id: str) -> dict[str, str]:
    """Return the variables of a run with their secrets: for the runner that needs them, never for an answer."""
    kind = resources.kinds.get(CONTEXT)
    if kind is None:
        return {}
    rows = reader.page(kind.name, index=("spec.execution_id", execution_id), limit=1)
    if not rows:
        return {}
    message: Any = kind.message.FromString(rows[0].body)
    revealed = resources.revealed_in(reader, kind, message)
    return {name: entry.value for name, entry in revealed.spec.data.items()}


def _environment(reader: Reader, resources: Resources, reference: Any, org: str) -> Mapping[str, Any]:
    kind = _kind(resources, ENVIRONMENT)
    environment = resources.find_in(reader, kind, reference.org or org, reference.slug)
    if environment is None:
        where = f"(org: {reference.org or org})"
        raise FailedPreconditionError(f"referenced environment(s) not found: '{reference.slug}' {where}")
    return dict(resources.revealed_in(reader, kind, environment).spec.data)


def _kind(resources: Resources, name: str) -> Any:
    try:
        return resources.kind(name)
    except NotFoundError:
        raise FailedPreconditionError(f"variables need the kind {name}: pip install {_PLUGIN}") from None
