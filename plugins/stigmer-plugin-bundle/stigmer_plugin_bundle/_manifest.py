"""The manifest of a bundle: which dialect it is in, and what it says of itself.

Sources: Agent Plugins Specification 1.0.0, and the plugin references of Claude Code, Cursor and Codex.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.plugin.v1 import spec_pb2

from stigmer_core.errors import InvalidArgumentError
from stigmer_plugin_bundle._archive import bad_archive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stigmer_plugin_bundle._archive import Archive

PORTABLE_SCHEMA = "https://agent-plugins.org/schemas/1.0.0/plugin.schema.json"
_LONGEST_AUTHOR = 300
_AUTHOR = re.compile(r"\s*([^<(]*?)\s*(?:<([^>]*)>)?\s*(?:\(([^)]*)\))?\s*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where a dialect has its files.

    `fields` are those of the manifest that name further places; the ones in `adds` are taken beside the usual place,
    the others instead of it. Without any, every place is fixed.
    """

    number: spec_pb2.PluginDialect.ValueType
    manifest: str
    servers: tuple[str, ...]
    fields: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()


DIALECTS = (
    Dialect(spec_pb2.PLUGIN_DIALECT_AGENT_PLUGINS, "plugin.json", ("mcp.json",)),
    Dialect(
        spec_pb2.PLUGIN_DIALECT_CLAUDE,
        ".claude-plugin/plugin.json",
        (".mcp.json",),
        fields=("skills", "agents", "mcpServers"),
        adds=("skills", "mcpServers"),
    ),
    Dialect(
        spec_pb2.PLUGIN_DIALECT_CURSOR,
        ".cursor-plugin/plugin.json",
        ("mcp.json", ".mcp.json"),
        fields=("skills", "agents", "mcpServers"),
    ),
    Dialect(
        spec_pb2.PLUGIN_DIALECT_CODEX,
        ".codex-plugin/plugin.json",
        (".mcp.json",),
        fields=("skills", "mcpServers"),
    ),
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest: `fields` as they are written, `spec` what the API has of them."""

    dialect: Dialect
    fields: Mapping[str, Any]
    spec: spec_pb2.PluginSpec


def read_manifest(archive: Archive) -> Manifest:
    """Return the manifest of an archive; the portable one where there are several.

    Raises:
        InvalidArgumentError: there is none, or it is no good.
    """
    unsupported = ""
    for dialect in DIALECTS:
        if dialect.manifest not in archive.names:
            continue
        fields = read_json(archive, dialect.manifest)
        if dialect.fields or fields.get("$schema") == PORTABLE_SCHEMA:
            return Manifest(dialect, fields, _spec(dialect, fields))
        unsupported = f"; its plugin.json says $schema {fields.get('$schema')!r}, {PORTABLE_SCHEMA!r} is understood"
    wanted = ", ".join(dialect.manifest for dialect in DIALECTS)
    raise bad_archive(f"there is no manifest at its root, one of {wanted}{unsupported}")


def read_json(archive: Archive, name: str) -> Mapping[str, Any]:
    """Return a JSON object in an archive.

    Raises:
        InvalidArgumentError: it is none.
    """
    try:
        found = json.loads(archive.text(name))
        json.dumps(found, ensure_ascii=False).encode()  # half a surrogate pair is no text that a message can have
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidArgumentError(f"{name} must be a JSON object")
    return found


def _spec(dialect: Dialect, fields: Mapping[str, Any]) -> spec_pb2.PluginSpec:
    def text(name: str) -> str:
        value = fields.get(name, "")
        if not isinstance(value, str):
            raise bad_archive(f"{name} in {dialect.manifest} must be a string")
        return value

    if not text("name"):
        raise bad_archive(f"{dialect.manifest} has no name")
    repository = fields.get("repository", "")
    keywords = fields.get("keywords", [])
    if not isinstance(keywords, list) or not all(isinstance(one, str) for one in keywords):
        raise bad_archive(f"keywords in {dialect.manifest} must be a list of strings")
    return spec_pb2.PluginSpec(
        **{name: text(name) for name in ("name", "version", "description", "homepage", "license")},
        repository=str(repository.get("url", "")) if isinstance(repository, dict) else text("repository"),
        author=_author(fields.get("author")),
        keywords=keywords,
        dialect=dialect.number,
    )


def _author(author: Any) -> spec_pb2.PluginAuthor | None:
    """Return an author written as an object, or as `Name <email> (url)`."""
    if isinstance(author, dict):
        return spec_pb2.PluginAuthor(**{name: str(author.get(name, "")) for name in ("name", "email", "url")})
    match = _AUTHOR.fullmatch(author) if isinstance(author, str) and len(author) <= _LONGEST_AUTHOR else None
    if match is None:
        return None
    return spec_pb2.PluginAuthor(name=match[1], email=match[2] or "", url=match[3] or "")
