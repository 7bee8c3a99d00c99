"""Bundles to push, and an installation to push them to."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from stigmer_core.testing.installation import installation


@pytest.fixture
async def api(tmp_path):
    """Return an installation with every plugin of this environment."""
    async with installation(tmp_path) as opened:
        yield opened


@pytest.fixture
def skill_md():
    """Return the text of a skill."""
    return lambda name="review", body="Be brief.": f"---\nname: {name}\ndescription: About {name}.\n---\n{body}\n"


@pytest.fixture
def agent_md():
    """Return the text of an agent; `fields` are lines of front matter."""
    return lambda name="helper", *fields: "\n".join(
        ["---", f"name: {name}", "description: Helps.", *fields, "---", "Help whoever asks, kindly.", ""]
    )


@pytest.fixture
def zipped():
    """Return the ZIP of files by path; a value that is no text is written as JSON. The same files, the same bytes."""

    def make(files):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, content in files.items():
                text = content if isinstance(content, (str, bytes)) else json.dumps(content)
                archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), text)
        return buffer.getvalue()

    return make


@pytest.fixture
def tools(zipped, skill_md, agent_md):
    """Return a bundle `tools` in the dialect of Claude: skills by name, an agent, a version."""

    def make(*skills, version="1.0.0", agents=("helper",), **files):
        manifest = {"name": "tools", "version": version, "description": "Useful things."}
        content = {".claude-plugin/plugin.json": manifest}
        content |= {f"skills/{name}/SKILL.md": skill_md(name) for name in skills or ("review",)}
        content |= {f"agents/{name}.md": agent_md(name) for name in agents}
        return zipped(content | files)

    return make
