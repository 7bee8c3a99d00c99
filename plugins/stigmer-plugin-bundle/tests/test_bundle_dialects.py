"""What is made of a bundle in each dialect, and what is remarked on what is not."""

from __future__ import annotations

import pytest
from ai.stigmer.agentic.plugin.v1 import spec_pb2
from stigmer_plugin_bundle._archive import Archive
from stigmer_plugin_bundle._drafts import draft_members

from stigmer_core.errors import InvalidArgumentError

PORTABLE = "https://agent-plugins.org/schemas/1.0.0/{}.schema.json"
DIALECTS = {
    "agent plugins": ("plugin.json", spec_pb2.PLUGIN_DIALECT_AGENT_PLUGINS, False),
    "Claude": (".claude-plugin/plugin.json", spec_pb2.PLUGIN_DIALECT_CLAUDE, True),
    "Cursor": (".cursor-plugin/plugin.json", spec_pb2.PLUGIN_DIALECT_CURSOR, True),
    "Codex": (".codex-plugin/plugin.json", spec_pb2.PLUGIN_DIALECT_CODEX, False),
}


@pytest.fixture
def read(api, zipped):
    """Return what is drafted of files."""
    return lambda files: draft_members(api.app.resources, Archive(zipped(files)), "local")


@pytest.fixture
def claude(read):
    """Return what is drafted of files with a manifest of Claude; `fields` are further fields of it."""
    return lambda files, **fields: read({".claude-plugin/plugin.json": {"name": "tools", **fields}, **files})


def names(drafts):
    return [(member.kind.name, member.draft.metadata.slug) for member in drafts.members]


def remarks(drafts):
    return [(warning.kind, warning.path) for warning in drafts.warnings]


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_the_manifest_tells_the_dialect(read, skill_md, agent_md, dialect):
    """Each has skills; where agents are no part of it, a remark says that they are left out."""
    manifest, number, has_agents = dialect
    fields = {"$schema": PORTABLE.format("plugin"), "name": "tools"}

    drafts = read({manifest: fields, "skills/review/SKILL.md": skill_md(), "agents/helper.md": agent_md()})

    assert drafts.manifest.spec.dialect == number
    assert names(drafts) == [("Skill", "review"), *([("Agent", "helper")] if has_agents else [])]
    assert remarks(drafts) == ([] if has_agents else [("not-installed", "agents")])


def test_of_several_manifests_the_portable_one_counts(read):
    """One that is no portable manifest is passed over: a root `plugin.json` may be anything."""
    both = {
        "plugin.json": {"$schema": PORTABLE.format("plugin"), "name": "a1"},
        ".codex-plugin/plugin.json": {"name": "b1"},
    }

    assert read(both).manifest.spec.name == "a1"
    assert read({**both, "plugin.json": {"name": "a1"}}).manifest.spec.name == "b1"


def test_the_manifest_becomes_the_spec(claude):
    """Author and repository may be written as text or as objects."""
    whole = claude(
        {},
        version="1.2.0",
        license="MIT",
        keywords=["a", "b"],
        homepage="https://a.example",
        author="Ada <ada@a.example> (https://ada.example)",
        repository={"type": "git", "url": "https://git.example/tools"},
    ).manifest.spec

    author = spec_pb2.PluginAuthor(name="Ada", email="ada@a.example", url="https://ada.example")
    assert (whole.author, whole.repository) == (author, "https://git.example/tools")
    assert (whole.version, whole.license, list(whole.keywords)) == ("1.2.0", "MIT", ["a", "b"])
    assert claude({}, author={"name": "Ada"}).manifest.spec.author.name == "Ada"


BAD = {
    "no manifest": ({"skills/a/SKILL.md": ""}, "there is no manifest"),
    "unknown version of the standard": ({"plugin.json": {"$schema": "https://x", "name": "a1"}}, "is understood"),
    "no JSON": ({".codex-plugin/plugin.json": "{"}, "is not JSON"),
    "half a character": ({".codex-plugin/plugin.json": '{"name": "\\ud800"}'}, "is not JSON"),
    "deep JSON": ({".codex-plugin/plugin.json": "[" * 100_000}, "is not JSON"),
    "a list": ({".codex-plugin/plugin.json": []}, "must be a JSON object"),
    "no name": ({".codex-plugin/plugin.json": {}}, "has no name"),
    "a name that is none": ({".codex-plugin/plugin.json": {"name": 1}}, "must be a string"),
    "keywords that are none": ({".codex-plugin/plugin.json": {"name": "a1", "keywords": "x"}}, "list of strings"),
    "many places": ({".codex-plugin/plugin.json": {"name": "a1", "skills": ["./a"] * 101}}, "names 101 places"),
}


@pytest.mark.parametrize(("files", "reason"), BAD.values(), ids=BAD)
def test_a_bad_manifest_is_refused(read, files, reason):
    """As INVALID_ARGUMENT with what is wrong."""
    with pytest.raises(InvalidArgumentError, match=reason):
        read({"LICENSE": "", **files})


def test_two_members_of_one_name_are_refused(claude, skill_md):
    """Both files are named: which one counts is the author's to say."""
    files = {"skills/a/SKILL.md": skill_md("same"), "skills/b/SKILL.md": skill_md("same")}

    with pytest.raises(InvalidArgumentError, match=r"skills/a/SKILL\.md and skills/b/SKILL\.md both make Skill 'same'"):
        claude(files)


def test_places_of_the_manifest_add_to_the_usual_or_replace_them(claude, read, skill_md, agent_md):
    """Skills of Claude are added, its agents replaced; in Cursor both are replaced, and patterns work."""
    files = {f"{place}/{name}/SKILL.md": skill_md(name) for place, name in (("skills", "a1"), ("more", "b1"))}
    files |= {"agents/a1.md": agent_md("a1"), "bots/b1.md": agent_md("b1")}
    places = {"skills": "./more/", "agents": ["./bots/b1.md"]}
    cursor = {"name": "tools", "skills": "more/*/SKILL.md", "agents": "./bots"}

    added = claude(files, **places)
    replaced = read({".cursor-plugin/plugin.json": cursor, **files})

    assert sorted(names(added)) == [("Agent", "b1"), ("Skill", "a1"), ("Skill", "b1")]
    assert sorted(names(replaced)) == [("Agent", "b1"), ("Skill", "b1")]


def test_a_bundle_that_is_one_skill_has_it_at_its_root(claude, skill_md):
    """Only where there is no folder of skills; deeper ones are no skills at all."""
    assert names(claude({"SKILL.md": skill_md("solo")})) == [("Skill", "solo")]
    assert names(claude({"skills/a/b/SKILL.md": skill_md("deep")})) == []


def test_a_skill_without_a_name_has_that_of_its_folder(claude):
    """The text is completed, because a skill needs one, and a remark says so."""
    drafts = claude({"skills/review/SKILL.md": "---\ndescription: Reviews.\n---\nBe brief.\n"})

    assert drafts.members[0].draft.spec.skill_md.startswith("---\nname: review\ndescription: Reviews.\n---\n")
    assert remarks(drafts) == [("name-filled", "skills/review/SKILL.md")]


def test_files_beside_a_skill_are_remarked_on(claude, skill_md):
    """A member skill is its text."""
    drafts = claude({"skills/review/SKILL.md": skill_md(), "skills/review/scripts/run.py": "print()"})

    assert remarks(drafts) == [("files-dropped", "skills/review/SKILL.md")]
    assert drafts.warnings[0].message.startswith("1 file(s)")


ALIASES = "a: &a [x, x]\nb: &b [*a, *a]\nname: *b\n"
SKIPPED = {
    "skill without front matter": ("skills/a/SKILL.md", "# Hello\n"),
    "skill with a bad name": ("skills/a/SKILL.md", "---\nname: Not Good\n---\n"),
    "skill with a list of names": ("skills/a/SKILL.md", f"---\n{ALIASES}---\n"),
    "skill with half a character": ("skills/a/SKILL.md", '---\nname: a1\ndescription: "\\ud800"\n---\n'),
    "agent without instructions": ("agents/a.md", "---\nname: a1\n---\n"),
    "agent without front matter": ("agents/README.md", "# Agents\n"),
    "agent with a name that gives no slug": ("agents/a.md", "---\nname: '?'\n---\nHelp whoever asks.\n"),
    "servers that are no JSON": (".mcp.json", "{"),
    "servers that are a list": (".mcp.json", '{"mcpServers": []}'),
}


@pytest.mark.parametrize(("path", "text"), SKIPPED.values(), ids=SKIPPED)
def test_a_part_that_is_no_good_is_skipped_with_a_remark(claude, path, text):
    """The rest is installed, as the standard asks."""
    drafts = claude({path: text})

    assert drafts.members == []
    assert remarks(drafts) == [("skipped", path)]


def test_what_the_platform_has_no_resource_for_is_remarked_on(claude):
    """By folder, file, or field of the manifest."""
    drafts = claude({"commands/go.md": "", ".lsp.json": "{}"}, hooks={})

    assert remarks(drafts) == [("not-installed", "commands"), ("not-installed", ".lsp.json")]
    assert remarks(claude({}, hooks="./h.json")) == [("not-installed", "hooks")]


def test_the_tools_of_an_agent_say_what_it_uses(claude, skill_md, agent_md):
    """Skills only by name or with the tool Skill; a colon too many in the front matter is forgiven."""
    files = {f"skills/{name}/SKILL.md": skill_md(name) for name in ("plan", "review")}
    files |= {
        "agents/a1.md": agent_md("a1", "tools: Read, Grep", "skills: [tools:review]"),
        "agents/b1.md": agent_md("b1", "tools: [Skill]", "model: opus", "hooks: {}"),
        "agents/c1.md": agent_md("c1", "tools: Read", "note: for: example"),
    }

    drafts = claude(files)

    used = {m.name: [ref.slug for ref in m.draft.spec.skill_refs] for m in drafts.members if m.kind.name == "Agent"}
    assert used == {"a1": ["review"], "b1": ["plan", "review"], "c1": []}
    assert remarks(drafts) == [("field-dropped", "agents/b1.md"), ("field-dropped", "agents/c1.md")]
