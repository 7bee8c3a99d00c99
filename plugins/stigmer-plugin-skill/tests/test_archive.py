"""Archives are checked before anything of them is believed."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest
from stigmer_plugin_skill import _archive
from stigmer_plugin_skill._archive import build_archive, read_archive

from stigmer_core.errors import InvalidArgumentError

SKILL_MD = "---\nname: tidy\ndescription: Keeps tidy.\n---\nBe brief.\n"


def archive(*entries, skill=SKILL_MD):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        if skill is not None:
            file.writestr("SKILL.md", skill)
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


def linked(mode):
    info = zipfile.ZipInfo("link")
    info.external_attr = mode << 16
    return archive((info, "/etc/passwd"))


def twice():
    content = archive(("SKILL.mx", SKILL_MD.replace("brief", "long")))
    return content.replace(b"SKILL.mx", b"SKILL.md")


BAD = {
    "no zip": (lambda: b"not a zip", "no readable ZIP"),
    "truncated": (lambda: archive()[:-30], "no readable ZIP"),
    "no SKILL.md": (lambda: archive(("readme.md", "x"), skill=None), "no SKILL.md at the root"),
    "parent path": (lambda: archive(("../evil", "x")), "unsafe path"),
    "absolute path": (lambda: archive(("/etc/evil", "x")), "unsafe path"),
    "drive": (lambda: archive(("C:/evil", "x")), "unsafe path"),
    "backslashes": (lambda: archive(("a\\..\\..\\evil", "x")), "unsafe path"),
    "symbolic link": (lambda: linked(stat.S_IFLNK | 0o777), "link or device"),
    "device": (lambda: linked(stat.S_IFCHR | 0o666), "link or device"),
    "two names": (twice, "there twice"),
    "names that differ in case": (lambda: archive(("skill.MD", "x")), "differs only in case"),
    "bomb": (lambda: archive(("zeros", b"\0" * 30_000_000)), "unpacks to too much"),
    "no front matter": (lambda: archive(skill="# Tidy\n"), "must start with front matter"),
    "bad name": (lambda: archive(skill=SKILL_MD.replace("tidy", "Tidy Up")), "the name 'Tidy Up'"),
    "not UTF-8": (lambda: archive(skill=b"\xff\xfe---"), "not UTF-8"),
    "broken YAML": (lambda: archive(skill="---\nname: [\n---\n"), "no YAML"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_a_bad_archive_is_refused_with_its_reason(make, reason):
    """As INVALID_ARGUMENT that begins as the API's does."""
    content = make()

    with pytest.raises(InvalidArgumentError, match=r"failed to extract SKILL\.md") as caught:
        read_archive(content)

    assert reason in caught.value.message


def test_too_many_entries_are_refused(monkeypatch):
    """The limit is on entries, whatever their size."""
    monkeypatch.setattr(_archive, "MAX_FILES", 3)

    with pytest.raises(InvalidArgumentError, match="at most 3"):
        read_archive(archive(*((f"f{n}", "x") for n in range(3))))


def test_the_same_text_builds_the_same_archive():
    """So applying a manifest twice makes no version."""
    assert build_archive(SKILL_MD).digest == build_archive(SKILL_MD).digest


def test_a_good_archive_gives_its_front_matter():
    """Name and description, and the text whole."""
    read = read_archive(archive(("scripts/run.py", "print()")))

    assert (read.skill.name, read.skill.description, read.skill.text) == ("tidy", "Keeps tidy.", SKILL_MD)
