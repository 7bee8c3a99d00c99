"""The members of a bundle as drafts: skills first, then MCP servers, then the agents that use both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ai.stigmer.agentic.plugin.v1.status_pb2 import PluginWarning

from stigmer_core.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from stigmer_core.resources.codec import from_dict
from stigmer_plugin_bundle._archive import bad_archive
from stigmer_plugin_bundle._front_matter import read_page
from stigmer_plugin_bundle._manifest import read_manifest
from stigmer_plugin_bundle._members import MOST_MEMBERS
from stigmer_plugin_bundle._places import agent_files, server_maps, skill_files, unserved
from stigmer_plugin_bundle._server import literal_variables, server_spec

if TYPE_CHECKING:
    from stigmer_core import Kind
    from stigmer_core.resources import Resources
    from stigmer_plugin_bundle._archive import Archive
    from stigmer_plugin_bundle._front_matter import Page
    from stigmer_plugin_bundle._manifest import Manifest

_NO_FRONT_MATTER = "there is no front matter, or one of more than 64 KB"
_MOST_WARNINGS, _LONGEST_REMARK = 200, 500  # they are stored with every version
_KEPT_FIELDS = {"name", "description", "tools", "skills", "color", "model"}


@dataclass(frozen=True, slots=True)
class Member:
    """A prepared member; `name` is what its bundle calls it."""

    kind: Kind
    name: str
    path: str
    draft: Any


@dataclass(slots=True)
class Drafts:
    """What an archive holds: its members, and remarks on what is not made of it."""

    manifest: Manifest
    members: list[Member] = field(default_factory=list)
    warnings: list[PluginWarning] = field(default_factory=list)


def draft_members(resources: Resources, archive: Archive, org: str) -> Drafts:
    """Return what is to be made of an archive; a part that is no good is left out with a warning.

    Raises:
        InvalidArgumentError: there is no good manifest, or two members have one name.
        FailedPreconditionError: no installed plugin has the kind of a member.
    """
    drafting = _Drafting(resources, archive, org)
    drafting.skills()
    drafting.servers()
    drafting.agents()
    drafting.rest()
    return drafting.drafts


class _Drafting:
    def __init__(self, resources: Resources, archive: Archive, org: str) -> None:
        self._resources = resources
        self._archive = archive
        self._org = org
        self.drafts = Drafts(read_manifest(archive))

    def skills(self) -> None:
        """Draft each `SKILL.md`, with the name of its folder when it has none."""
        for path in skill_files(self._archive, self.drafts.manifest):
            text = self._archive.text(path)
            page = read_page(text)
            if page is None:
                self._skip(path, _NO_FRONT_MATTER)
                continue
            if any(isinstance(page.fields.get(name), (list, dict)) for name in ("name", "description")):
                self._skip(path, "its name and description must be text")
                continue
            name = page.word("name")
            if not name:
                name = path.split("/")[-2] if "/" in path else self.drafts.manifest.spec.name
                first, _, others = text.partition("\n")
                text = f"{first}\nname: {name}\n{others}"
                self._warn("name-filled", f"the front matter has no name: {name!r} is used", path)
            if self._add("Skill", name, path, {"skill_md": text}):
                self._warn_of_files(path)

    def servers(self) -> None:
        """Draft each MCP server."""
        description = f"From the bundle {self.drafts.manifest.spec.name}."
        for path, servers in server_maps(self._archive, self.drafts.manifest, self._skip):
            for name, settings in servers.items():
                try:
                    spec = server_spec(settings, description)
                except InvalidArgumentError as error:
                    self._skip(path, f"MCP server {name!r}: {error.message}")
                    continue
                dropped = literal_variables(settings)
                if self._add("McpServer", name, path, spec) and dropped:
                    text = f"MCP server {name!r}: give {', '.join(dropped)} in an environment, values are not kept"
                    self._warn("value-dropped", text, path)

    def agents(self) -> None:
        """Draft each agent, with what it may use of the drafts before."""
        for path in agent_files(self._archive, self.drafts.manifest):
            page = read_page(self._archive.text(path))
            if page is None:
                self._skip(path, _NO_FRONT_MATTER)
                continue
            name = page.word("name") or path.rpartition("/")[2].rpartition(".")[0]
            spec = {"description": page.word("description"), "instructions": page.body.strip()}
            self._add("Agent", name, path, spec | self._uses(page))
            fields = {key for key in page.fields if isinstance(key, str) and key.isidentifier()}
            dropped = sorted(fields - _KEPT_FIELDS)
            if page.word("model") not in {"", "inherit"}:
                dropped.append("model")
            if dropped:
                self._warn("field-dropped", f"nothing is made of {', '.join(dropped)}", path)

    def _uses(self, page: Page) -> dict[str, Any]:
        """Return what an agent may use of its bundle: everything, unless its `tools` say less."""
        tools = page.words("tools")
        skills = page.words("skills") or []
        every_skill = tools is None or "Skill" in tools
        enabled: dict[str, list[str]] = {}
        for server, tool in map(self._server_tool, tools or []):
            enabled.setdefault(server, []).extend([tool] if tool not in {"", "*"} else [])
        return {
            "skill_refs": [
                self._reference(one) for one in self._members("Skill") if every_skill or _called(one.name, skills)
            ],
            "mcp_server_usages": [
                {"mcp_server_ref": self._reference(one), "enabled_tools": enabled.get(one.name, [])}
                for one in self._members("McpServer")
                if tools is None or one.name in enabled
            ],
        }

    def rest(self) -> None:
        """Remark on what nothing is made of."""
        for name in unserved(self._archive, self.drafts.manifest):
            self._warn("not-installed", f"nothing is made of {name}", name)

    def _server_tool(self, tool: str) -> tuple[str, str]:
        """Return server and tool of `mcp__server__tool` or `mcp__plugin_bundle_server__tool`; empty for another one."""
        server, _, name = tool.removeprefix("mcp__").partition("__") if tool.startswith("mcp__") else ("", "", "")
        return server.removeprefix(f"plugin_{self.drafts.manifest.spec.name}_"), name

    def _add(self, kind_name: str, name: str, path: str, spec: dict[str, Any]) -> bool:
        kind = self._kind(kind_name)
        metadata = {"name": name, "org": self._org}
        document = {"api_version": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
        try:
            draft = self._resources.prepare(kind, from_dict(document, kind.message()), creating=True)
            self._resources.validate(draft)
        except (InvalidArgumentError, ValueError) as error:
            self._skip(path, f"{kind.label()} {name!r}: {error}")
            return False
        for other in self._members(kind_name):
            if other.draft.metadata.slug == draft.metadata.slug:
                raise bad_archive(f"{other.path} and {path} both make {kind.label()} '{draft.metadata.slug}'")
        self.drafts.members.append(Member(kind, name, path, draft))
        if len(self.drafts.members) > MOST_MEMBERS:
            raise bad_archive(f"it has more than {MOST_MEMBERS} members")
        return True

    def _kind(self, name: str) -> Kind:
        try:
            return self._resources.kind(name)
        except NotFoundError as error:
            bundle = self.drafts.manifest.spec.name
            raise FailedPreconditionError(f"bundle '{bundle}' cannot be installed here: {error.message}") from error

    def _members(self, kind_name: str) -> list[Member]:
        return [member for member in self.drafts.members if member.kind.name == kind_name]

    def _reference(self, member: Member) -> dict[str, Any]:
        return {"org": self._org, "kind": member.kind.number, "slug": member.draft.metadata.slug}

    def _warn_of_files(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        others = len(self._archive.under(folder)) - 1 if folder else 0
        if others:
            text = f"{others} file(s) beside it are not kept: a member skill is its SKILL.md"
            self._warn("files-dropped", text, path)

    def _skip(self, path: str, reason: str) -> None:
        self._warn("skipped", reason, path)

    def _warn(self, kind: str, message: str, path: str) -> None:
        if len(self.drafts.warnings) < _MOST_WARNINGS:
            short = message[:_LONGEST_REMARK], path[:_LONGEST_REMARK]
            self.drafts.warnings.append(PluginWarning(kind=kind, message=short[0], path=short[1]))


def _called(name: str, wanted: list[str]) -> bool:
    """Return whether a list names a skill, as `review` or, with its bundle, `tools:review`."""
    return any(one.rpartition(":")[2] == name for one in wanted)
