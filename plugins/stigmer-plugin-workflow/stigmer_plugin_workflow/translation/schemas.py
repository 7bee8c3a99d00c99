"""JSON schemas inside configurations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow.translation.tasks import Place


def require_schema(schema: Json, place: Place) -> None:
    """Refuse a schema that is none of its draft."""
    import jsonschema_rs  # noqa: PLC0415 - only where there is a schema

    try:
        jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        path = "/".join(str(token).replace("~", "~0").replace("/", "~1") for token in error.instance_path)
        place.refuse(path, f"is not right in a JSON schema: {error.message}")
    except (jsonschema_rs.ReferencingError, ValueError) as error:
        place.refuse("$schema", f"is no draft of JSON schema that is known here: {error}")
