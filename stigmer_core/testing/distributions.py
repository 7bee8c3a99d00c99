"""Plugin distributions written on the spot, as an installer would leave them, to try how a host takes them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_distribution(
    folder: Path, name: str, source: str, *, requires: Sequence[str] = ("stigmer-core>=0.1,<2",), version: str = "1.0"
) -> Path:
    """Write `stigmer-plugin-<name>` with one module and its entry point, and return the folder to put on the path."""
    module = f"stigmer_plugin_{name.replace('-', '_')}_made"
    (folder / f"{module}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    info = folder / f"stigmer_plugin_{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: stigmer-plugin-{name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[stigmer]\n{name} = {module}\n", encoding="utf-8")
    (info / "RECORD").write_text("", encoding="utf-8")
    return folder
