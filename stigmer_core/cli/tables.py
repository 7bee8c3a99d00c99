"""Tables of our own: whole cells in a pipe, cut to fit only where a person looks at a narrow terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from stigmer_core.cli.terminal import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

_GAP = "  "
_NARROWEST = 12


class Table(NamedTuple):
    """A heading and its rows; every cell is text of any content."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def table_text(table: Table, *, width: int | None = None) -> str:
    """Return a table as lines.

    Args:
        table: what to show.
        width: the columns of the terminal; None leaves every cell whole.
    """
    rows = [[one_line(cell) for cell in row] for row in (table.header, *table.rows)]
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if width is not None:
        _fit(widths, width)
    return "\n".join(_line(row, widths) for row in rows)


def cell(value: Any) -> str:
    """Return a value of a resource as a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(cell, value))
    if isinstance(value, dict):
        return ",".join(f"{key}={cell(inner)}" for key, inner in value.items())
    return str(value)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [_padded(text, width) for text, width in zip(row, widths, strict=True)]
    return _GAP.join(cells).rstrip()


def _padded(text: str, width: int) -> str:
    excess = _width(text) - width
    if excess <= 0:
        return text + " " * -excess
    while _width(text) > width - 1:
        text = text[:-1]
    return text + "…" + " " * (width - 1 - _width(text))


def _fit(widths: list[int], available: int) -> None:
    """Narrow the widest columns until the line fits, or nothing is left to take."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - available
    while excess > 0 and max(widths) > _NARROWEST:
        widest = widths.index(max(widths))
        taken = min(excess, widths[widest] - _NARROWEST)
        widths[widest] -= taken
        excess -= taken


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    import unicodedata  # noqa: PLC0415 - only for text beyond ASCII

    wide = sum(1 for character in text if unicodedata.east_asian_width(character) in "WF")
    return len(text) + wide - sum(1 for character in text if unicodedata.combining(character))
