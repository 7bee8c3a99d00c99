"""Data on stdout in the format that was asked for; the same bytes whatever stdout is."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from stigmer_core.cli.tables import table_text
from stigmer_core.cli.terminal import is_terminal, takes_unicode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core.cli.tables import Table
    from stigmer_core.program import Json


def render(data: Json, *, output: str, table: Table | None = None, names: Sequence[str] = ()) -> str:
    """Return data as text in one of the formats of `-o`, with a newline after each line.

    Args:
        data: an object, or a list in the form `{"apiVersion", "kind", "items": [...]}`.
        output: the format; without a table, `table` and `wide` are YAML.
        table: how people see it.
        names: what `-o name` prints, one a line.
    """
    if output == "name":
        return "".join(f"{name}\n" for name in names)
    if output == "json":
        return json_text(data) + "\n"
    if output == "ndjson":
        return "".join(json_line(item) + "\n" for item in _items(data))
    if output == "yaml" or table is None:
        from stigmer_core.cli.yaml_text import yaml_text  # noqa: PLC0415 - 15 ms that tables and JSON need not pay

        return yaml_text(data)
    return table_text(table, width=terminal_width()) + "\n"


def json_text(data: Json) -> str:
    """Return JSON for people and programs: two spaces, keys in their order."""
    return json.dumps(data, indent=2, ensure_ascii=not takes_unicode(sys.stdout))


def json_line(data: Json) -> str:
    """Return JSON on one line."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=not takes_unicode(sys.stdout))


def terminal_width() -> int | None:
    """Return the columns of the terminal, or None when stdout is none."""
    if not is_terminal(sys.stdout):
        return None
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns) or None
    except (OSError, ValueError):
        return None


def write(text: str) -> None:
    """Write data to stdout."""
    click.echo(text, nl=False)


def _items(data: Any) -> list[Json]:
    if isinstance(data, list):
        return data
    if isinstance(data, dict) and isinstance(data.get("items"), list) and "apiVersion" in data:
        return list(data["items"])
    return [data]
