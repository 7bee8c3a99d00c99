"""What an archive must have to be a skill; what makes any archive safe is tested with the core."""

from __future__ import annotations

import io
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stigmer_plugin_skill._archive import build_archive, parse_skill_md, read_archive

from stigmer_core.errors import InvalidArgumentError

SKILL_MD = "---\nname: tidy\ndescription: Keeps tidy.\n---\nBe brief.\n"
NOISE = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=70_000))  # does not pack well


def archive(*entries, skill=SKILL_MD):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        if skill is not None:
            file.writestr("SKILL.md", skill)
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


BAD = {
    "no zip": (lambda: b"not a zip", "no readable ZIP"),
    "no SKILL.md": (lambda: archive(("readme.md", "x"), skill=None), "no SKILL.md at the root"),
    "SKILL.md below": (lambda: archive(("tidy/SKILL.md", "x"), skill=None), "no SKILL.md at the root"),
    "parent path": (lambda: archive(("../evil", "x")), "unsafe path"),
    "long SKILL.md": (lambda: archive(skill=SKILL_MD + NOISE * 16), "SKILL.md has "),
    "not UTF-8": (lambda: archive(skill=b"\xff\xfe---"), "not UTF-8"),
    "no front matter": (lambda: archive(skill="# Tidy\n"), "must start with front matter"),
    "front matter is a list": (lambda: archive(skill="---\n- a\n---\n"), "must have `name:`"),
    "long front matter": (lambda: archive(skill=f"---\nname: {NOISE}\n---\n"), "more than 65536 characters"),
    "bad name": (lambda: archive(skill=SKILL_MD.replace("tidy", "Tidy Up")), "the name 'Tidy Up'"),
    "name is a list": (lambda: archive(skill="---\nname: [a]\n---\n"), "the name \"['a']\""),
    "half a surrogate": (lambda: archive(skill='---\nname: a\ndescription: "\\ud800"\n---\n'), "must be text"),
    "broken YAML": (lambda: archive(skill="---\nname: [\n---\n"), "no YAML"),
    "deep YAML": (lambda: archive(skill="---\nname: " + "[" * 5000 + "\n---\n"), "no YAML"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_a_bad_archive_is_refused_with_its_reason(make, reason):
    """As INVALID_ARGUMENT that begins as the API's does."""
    content = make()

    with pytest.raises(InvalidArgumentError, match=r"failed to extract SKILL\.md") as caught:
        read_archive(content)

    assert reason in caught.value.message


def test_the_same_text_builds_the_same_archive():
    """So applying a manifest twice makes no version; and it is a good one."""
    assert build_archive(SKILL_MD) == build_archive(SKILL_MD)
    assert read_archive(build_archive(SKILL_MD)).skill.text == SKILL_MD


def test_a_good_archive_gives_its_front_matter():
    """Name and description, and the text whole."""
    read = read_archive(archive(("scripts/run.py", "print()")))

    assert (read.skill.name, read.skill.description, read.skill.text) == ("tidy", "Keeps tidy.", SKILL_MD)


def test_front_matter_is_taken_as_it_is_written():
    """A name like a number stays what it is, and aliases that would grow without end do not."""
    nested = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 12))

    skill = parse_skill_md(f"---\nname: 1.10\ndescription: 2024-01-01\nl0: &l0 lol\n{nested}---\n")

    assert (skill.name, skill.description) == ("1.10", "2024-01-01")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_front_matter_is_a_skill_or_refused(text):
    """No YAML gets another error out."""
    try:
        skill = parse_skill_md(f"---\nname: a\n{text}\n---\n")
    except InvalidArgumentError:
        return

    assert skill.name
