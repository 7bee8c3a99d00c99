"""Blueprints and their instances (Agent and AgentInstance, Workflow and WorkflowInstance): one default each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError
from stigmer_core.resources.paths import value_at

if TYPE_CHECKING:
    from stigmer_core.kind import Change
    from stigmer_core.resources.pipeline import Resources
    from stigmer_core.store import Reader, Transaction


@dataclass(frozen=True, slots=True)
class DefaultInstances:
    """The steps that the two kinds of such a pair share; `field` of the instance's spec holds the blueprint's id."""

    blueprint: str
    instance: str
    field: str

    def ensure(self, change: Change) -> None:
        """Give a new blueprint the instance that is used when none is named (an `after_write` step)."""
        if change.old is not None:
            return
        blueprint, resources = change.new, change.resources
        kind = resources.kind(self.instance)
        instance: Any = kind.message()
        instance.api_version, instance.kind = kind.api_version, kind.name
        instance.metadata.name = f"{blueprint.metadata.slug}-default"
        instance.metadata.org = blueprint.metadata.org
        setattr(instance.spec, self.field, blueprint.metadata.id)
        instance.spec.description = f"The default instance of {blueprint.metadata.name}."
        stored = resources.apply_in(change.tx, kind, resources.prepare(kind, instance, creating=True))
        blueprint.status.default_instance_id = stored.metadata.id
        resources.save_in(change.tx, change.kind, blueprint, slot=None)

    def check(self, change: Change) -> None:
        """Check that an instance's blueprint exists, is of its organization and stays (a `before_write` step).

        Raises:
            NotFoundError: there is no such blueprint.
            FailedPreconditionError: it belongs to another organization, or would change.
        """
        blueprint_id = value_at(change.new, f"spec.{self.field}")
        blueprint = change.resources.get_in(change.tx, change.resources.kind(self.blueprint), blueprint_id)
        if blueprint.metadata.org != change.new.metadata.org:
            raise FailedPreconditionError(
                f"{self.blueprint} {blueprint_id} is of org '{blueprint.metadata.org}',"
                f" its instances cannot be of org '{change.new.metadata.org}'"
            )
        if change.old is not None and value_at(change.old, f"spec.{self.field}") != blueprint_id:
            raise FailedPreconditionError(f"the {self.field} of an instance cannot change: create another instance")

    def guard(self, change: Change) -> None:
        """Refuse to delete a default instance other than with its blueprint (a `before_delete` step).

        Raises:
            FailedPreconditionError: the blueprint would stay without one.
        """
        if not change.cascading and self.is_default(change.tx, change.resources, change.old):
            raise FailedPreconditionError(
                f"a default instance goes with its {self.blueprint}: delete the {self.blueprint} instead"
            )

    def is_default(self, reader: Reader, resources: Resources, instance: Any) -> bool:
        """Return whether an instance is the default one of its blueprint."""
        row = reader.get(value_at(instance, f"spec.{self.field}"))
        if row is None:
            return False
        blueprint: Any = resources.kind(self.blueprint).message.FromString(row.body)
        return bool(blueprint.status.default_instance_id == instance.metadata.id)

    async def update_visibility(self, resources: Resources, request: Any) -> Any:
        """Serve `updateVisibility` of an instance.

        Raises:
            FailedPreconditionError: it is the default one.
        """
        kind = resources.kind(self.instance)

        def change(tx: Transaction) -> Any:
            instance = resources.get_in(tx, kind, request.resource_id)
            if self.is_default(tx, resources, instance):
                raise FailedPreconditionError(
                    "Default instances do not have their own visibility - access always follows the parent blueprint."
                    " Change the blueprint's visibility instead."
                )
            return resources.set_visibility_in(tx, kind, request.resource_id, request.visibility)

        return await resources.store.run(change)
