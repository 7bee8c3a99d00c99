"""Where the parts of a bundle are: in the usual folders of its dialect, or where its manifest says."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import InvalidArgumentError
from stigmer_plugin_bundle._archive import bad_archive
from stigmer_plugin_bundle._manifest import PORTABLE_SCHEMA, read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stigmer_plugin_bundle._archive import Archive
    from stigmer_plugin_bundle._manifest import Manifest

SKILL_FILE = "SKILL.md"
_MOST_PLACES = 100
_PAGES = (".md", ".mdc", ".markdown")
_MCP_SCHEMA = PORTABLE_SCHEMA.replace("plugin.schema", "mcp.schema")
# What some dialects have and this platform has no resource for: folder or file, and field of the manifest.
UNSERVED = {
    "commands": "commands",
    "hooks": "hooks",
    "rules": "rules",
    "output-styles": "outputStyles",
    ".lsp.json": "lspServers",
    ".app.json": "apps",
}


def skill_files(archive: Archive, manifest: Manifest) -> list[str]:
    """Return the paths of the `SKILL.md` files; a bundle that is one skill has it at its root."""
    found = []
    for place in _places(manifest, "skills", "skills"):
        for name in _matching(archive, place):
            folder, _, file = name.rpartition("/")
            if file == SKILL_FILE and (place in (name, folder) or folder.rpartition("/")[0] == place or "*" in place):
                found.append(name)
    if not found and SKILL_FILE in archive.names and manifest.dialect.fields:
        return [SKILL_FILE]
    return sorted(set(found))


def agent_files(archive: Archive, manifest: Manifest) -> list[str]:
    """Return the paths of the agents; none in a dialect without them."""
    if "agents" not in manifest.dialect.fields:
        return []
    places = _places(manifest, "agents", "agents")
    return sorted({name for place in places for name in _matching(archive, place) if name.endswith(_PAGES)})


def server_maps(
    archive: Archive, manifest: Manifest, skipped: Callable[[str, str], None]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the MCP servers of each file that has some, or of the manifest: its path, and settings by name.

    A file that cannot be used is left out: `skipped` is told its path and why.
    """
    dialect = manifest.dialect
    given = manifest.fields.get("mcpServers") if "mcpServers" in dialect.fields else None
    further = _listed(given)
    usual = [name for name in dialect.servers if name in archive.names]
    for source in [*(usual if not further or "mcpServers" in dialect.adds else []), *further]:
        path = dialect.manifest if isinstance(source, dict) else _relative(source)
        try:
            document = source if isinstance(source, dict) else read_json(archive, _existing(archive, path))
            yield path, _servers(document, portable=not dialect.fields)
        except InvalidArgumentError as error:
            skipped(path, error.message)


def unserved(archive: Archive, manifest: Manifest) -> list[str]:
    """Return what a bundle has that nothing is made of."""
    names = [*UNSERVED, *([] if "agents" in manifest.dialect.fields else ["agents"])]
    return [
        name
        for name in names
        if name in archive.names or archive.under(name) or manifest.fields.get(UNSERVED.get(name, name))
    ]


def _servers(document: Mapping[str, Any], *, portable: bool) -> Mapping[str, Any]:
    if portable and document.get("$schema") != _MCP_SCHEMA:
        raise InvalidArgumentError(f"its $schema must be {_MCP_SCHEMA}")
    servers = document.get("mcpServers", document.get("mcp_servers", {} if portable else document))
    if not isinstance(servers, dict):
        raise InvalidArgumentError("mcpServers must be a JSON object")
    return servers


def _places(manifest: Manifest, field: str, usual: str) -> list[str]:
    given = manifest.fields.get(field) if field in manifest.dialect.fields else None
    further = [_relative(one) for one in _listed(given) if isinstance(one, str)]
    return [usual, *further] if not further or field in manifest.dialect.adds else further


def _listed(given: Any) -> list[Any]:
    further = given if isinstance(given, list) else [] if given is None else [given]
    if len(further) > _MOST_PLACES:
        raise bad_archive(f"its manifest names {len(further)} places of one kind, at most {_MOST_PLACES} are taken")
    return further


def _relative(path: Any) -> str:
    """Return a path as archives have it: without `./` and the last slash."""
    return str(path).removeprefix("./").rstrip("/")


def _existing(archive: Archive, path: str) -> str:
    if path not in archive.names:
        raise InvalidArgumentError(f"there is no {path} in the archive")
    return path


def _matching(archive: Archive, place: str) -> list[str]:
    """Return the files that a path or pattern names: itself, or everything below it."""
    if "*" in place:
        return fnmatch.filter(archive.names, place)
    return [place] if place in archive.names else archive.under(place if place != "." else "")
