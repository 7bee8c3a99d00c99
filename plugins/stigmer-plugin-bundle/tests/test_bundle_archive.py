"""Archives of bundles: which file is which, and texts."""

from __future__ import annotations

import io
import random
import zipfile

import pytest
from stigmer_plugin_bundle._archive import Archive

from stigmer_core.errors import InvalidArgumentError


def packed(*entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in [("plugin.json", "{}"), *entries]:
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "reason"), [("../evil", "unsafe path"), ("PLUGIN.json", "differs only in case")])
def test_an_unsafe_archive_is_refused_with_its_reason(name, reason):
    """As INVALID_ARGUMENT, before a file of it is used; what makes an archive safe is tested with the core."""
    with pytest.raises(InvalidArgumentError, match=f"cannot be installed: .*{reason}"):
        Archive(packed((name, "x")))


def test_a_text_that_is_too_large_or_no_text_is_refused_when_it_is_read():
    """Such files may be in an archive, as pictures are."""
    files = [("big.md", random.Random(1).randbytes(2_000_000)), ("raw.md", b"\xff"), ("mark.md", b"\xef\xbb\xbfx")]
    archive = Archive(packed(*files))

    assert archive.text("mark.md") == "x"
    for name, reason in (("big.md", "at most"), ("raw.md", "not UTF-8")):
        with pytest.raises(InvalidArgumentError, match=reason):
            archive.text(name)


def test_one_folder_around_everything_is_taken_away():
    """As archives of a repository have one; what a Mac adds beside it does not count."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("tools-1.0/plugin.json", "tools-1.0/skills/a/SKILL.md", "__MACOSX/tools-1.0/._plugin.json"):
            file.writestr(name, name)

    archive = Archive(buffer.getvalue())

    assert archive.names == ["plugin.json", "skills/a/SKILL.md"]
    assert archive.text("plugin.json") == "tools-1.0/plugin.json"


def test_the_folder_of_a_manifest_is_not_one_around_everything():
    """A bundle may have nothing but its manifest."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(".claude-plugin/plugin.json", "{}")

    assert Archive(buffer.getvalue()).names == [".claude-plugin/plugin.json"]
