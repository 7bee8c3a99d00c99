"""How large a value is when it is written out, where a part that is shared counts each time it stands there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Level(NamedTuple):
    """One level of a value: its lists and objects, what stands right inside of them, and the texts around them.

    `characters` are those of the texts and names that stand beside the containers of this level.
    """

    containers: int
    members: int
    characters: int


def levels(value: list[Any] | dict[str, Any]) -> Iterator[Level]:
    """Yield the levels of a value, the outermost first and an empty one last: whoever has seen enough stops.

    A part that is shared is read once in a level, so that a value of sixty doublings has sixty parts to read, and is
    as large as it is written all the same.
    """
    level: dict[int, tuple[Any, int]] = {id(value): (value, 1)}
    characters = 0
    while level:
        found = list(level.values())
        yield Level(sum(times for _, times in found), sum(len(one) * times for one, times in found), characters)
        level, characters = _inside(found)
    yield Level(0, 0, characters)


def _inside(containers: list[tuple[Any, int]]) -> tuple[dict[int, tuple[Any, int]], int]:
    """Return the containers right inside of containers, with how often each stands there, and the characters."""
    inner: dict[int, tuple[Any, int]] = {}
    total = 0
    for container, times in containers:
        names, values = (container, container.values()) if isinstance(container, dict) else ((), container)
        characters = sum(map(len, names))
        for item in values:
            if isinstance(item, (list, dict)):
                known = inner.get(id(item))
                inner[id(item)] = (item, times if known is None else known[1] + times)
            elif isinstance(item, str):
                characters += len(item)
        total += characters * times
    return inner, total
