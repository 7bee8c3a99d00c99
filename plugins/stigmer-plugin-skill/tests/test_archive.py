"""Archives are checked before anything of them is believed."""

from __future__ import annotations

import io
import random
import stat
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stigmer_plugin_skill import _archive, _entries
from stigmer_plugin_skill._archive import Archive, build_archive, parse_skill_md, read_archive

from stigmer_core.errors import InvalidArgumentError

SKILL_MD = "---\nname: tidy\ndescription: Keeps tidy.\n---\nBe brief.\n"
NOISE = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=70_000))  # does not pack well
DOTTED, COMPOSED = "re\u0301sume\u0301.md", "r\u00e9sum\u00e9.md"


def archive(*entries, skill=SKILL_MD):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        if skill is not None:
            file.writestr("SKILL.md", skill)
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


def entry(name="link", mode=0, method=zipfile.ZIP_STORED, extra=b"", content=""):
    info = zipfile.ZipInfo(name)
    info.external_attr, info.compress_type, info.extra = mode << 16, method, extra
    return archive((info, content))


def renamed(before, after):
    """Return an archive with a name that zipfile would not write, in place of one of the same length."""
    return archive((before, "x")).replace(before.encode(), after)


def flagged(bits, name="x"):
    """Return an archive whose last entry has these flags in its directory."""
    content = bytearray(archive((name, "x")))
    at = content.rindex(b"PK\x01\x02") + 8
    content[at : at + 2] = (int.from_bytes(content[at : at + 2], "little") | bits).to_bytes(2, "little")
    return bytes(content)


def unmarked():
    """Return an archive with a UTF-8 name that does not say so, at both places that could."""
    name = "é.md".encode()
    content = bytearray(archive(("é.md", "x")))
    for signature, flags, start in ((b"PK\x03\x04", 6, 30), (b"PK\x01\x02", 8, 46)):
        at = content.rindex(name) - start if signature == b"PK\x01\x02" else content.index(name) - start
        assert content[at : at + 4] == signature
        content[at + flags + 1] &= ~0x08
    return bytes(content)


def twice():
    content = archive(("SKILL.mx", SKILL_MD.replace("brief", "long")))
    return content.replace(b"SKILL.mx", b"SKILL.md")


BAD = {
    "no zip": (lambda: b"not a zip", "no readable ZIP"),
    "nothing": (lambda: b"", "no readable ZIP"),
    "truncated": (lambda: archive()[:-30], "no readable ZIP"),
    "no SKILL.md": (lambda: archive(("readme.md", "x"), skill=None), "no SKILL.md at the root"),
    "SKILL.md below": (lambda: archive(("tidy/SKILL.md", "x"), skill=None), "no SKILL.md at the root"),
    "parent path": (lambda: archive(("../evil", "x")), "unsafe path"),
    "parent path inside": (lambda: archive(("a/../../evil", "x")), "unsafe path"),
    "absolute path": (lambda: archive(("/etc/evil", "x")), "unsafe path"),
    "no name between": (lambda: archive(("a//evil", "x")), "unsafe path"),
    "this folder": (lambda: archive(("./a", "x")), "unsafe path"),
    "no name": (lambda: archive(("/", "")), "unsafe path"),
    "drive": (lambda: archive(("C:/evil", "x")), "unsafe path"),
    "backslashes": (lambda: archive(("a\\..\\..\\evil", "x")), "backslash"),
    "one backslash": (lambda: archive(("a\\b", "x")), "backslash"),
    "NUL": (lambda: renamed("safe.md.evil", b"safe.md\0evil"), "control character"),
    "line break": (lambda: archive(("a\nb", "x")), "control character"),
    "deep path": (lambda: archive(("a/" * 32 + "b", "x")), "33 folders deep, at most 32"),
    "long name": (lambda: archive(("é" * 128, "x")), "more than 255 bytes"),
    "CP437 name": (unmarked, "not marked as UTF-8"),
    "wrong UTF-8 name": (lambda: flagged(0x800, "x").replace(b"\x01\0\0\0x", b"\x01\0\0\0\xff"), "no readable ZIP"),
    "other local name": (lambda: archive(("abcd.md", "x")).replace(b"abcd.md", b"evil.md", 1), "no readable ZIP"),
    "Unicode path": (lambda: entry(extra=b"\x75\x70\x06\x00\x01\0\0\0\0b"), "second name"),
    "symbolic link": (lambda: entry(mode=stat.S_IFLNK | 0o777, content="/etc/passwd"), "link or device"),
    "character device": (lambda: entry(mode=stat.S_IFCHR | 0o666), "link or device"),
    "block device": (lambda: entry(mode=stat.S_IFBLK | 0o666), "link or device"),
    "pipe": (lambda: entry(mode=stat.S_IFIFO | 0o666), "link or device"),
    "socket": (lambda: entry(mode=stat.S_IFSOCK | 0o666), "link or device"),
    "folder's mode on a file": (lambda: entry(mode=stat.S_IFDIR | 0o755), "both a file and a folder"),
    "folder with content": (lambda: entry("a/", content="x"), "both a file and a folder"),
    "two names": (twice, "there twice"),
    "file and folder of a name": (lambda: archive(("a", "x"), ("a/", "")), "there twice"),
    "names that differ in case": (lambda: archive(("skill.MD", "x")), "differs only in case"),
    "names that differ in sharp s": (lambda: archive(("straße", "x"), ("STRASSE", "x")), "differs only in case"),
    "names that differ in accents": (lambda: archive((DOTTED, "x"), (COMPOSED, "x")), "accents"),
    "file that is a folder": (lambda: archive(("a", "x"), ("a/b", "x")), "both a file and a folder"),
    "file that is a folder far up": (lambda: archive(("a/b/c/d", "x"), ("A", "x")), "both a file and a folder"),
    "encrypted": (lambda: flagged(0x1), "encrypted"),
    "strongly encrypted": (lambda: flagged(0x40), "encrypted"),
    "other compression": (lambda: entry(method=zipfile.ZIP_LZMA), "compressed by method 14"),
    "bomb": (lambda: archive(("zeros", b"\0" * 30_000_000)), "unpacks to too much"),
    "long SKILL.md": (lambda: archive(skill=SKILL_MD + NOISE * 16), "SKILL.md is larger than"),
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
GOOD = {
    "accents": [("résumé.md", "x"), ("日本.md", "x")],
    "folders": [("a/", ""), ("a/b/", ""), ("a/b/c.txt", "x")],
    "as deep as may be": [("a/" * 31 + "b", "x")],
    "a name that begins like a folder": [("ab", "x"), ("a/b", "x")],
    "dots in names": [("a..b", "x"), ("...", "x"), (".hidden/x", "x")],
}
SAMPLE = archive(("scripts/run.py", "print()\n" * 20), ("a/", ""), ("résumé.md", "x"))


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_a_bad_archive_is_refused_with_its_reason(make, reason):
    """As INVALID_ARGUMENT that begins as the API's does."""
    content = make()

    with pytest.raises(InvalidArgumentError, match=r"failed to extract SKILL\.md") as caught:
        read_archive(content)

    assert reason in caught.value.message


@pytest.mark.parametrize("entries", GOOD.values(), ids=GOOD)
def test_unusual_and_safe_names_are_taken(entries):
    """The rules refuse what is ambiguous or leaves the folder, and nothing else."""
    assert read_archive(archive(*entries)).skill.name == "tidy"


def test_too_many_entries_are_refused(monkeypatch):
    """The limit is on entries, whatever their size."""
    monkeypatch.setattr(_entries, "MAX_FILES", 3)

    with pytest.raises(InvalidArgumentError, match="at most 3"):
        read_archive(archive(*((f"f{n}", "x") for n in range(3))))


def test_a_list_of_entries_is_bounded_before_it_is_read(monkeypatch):
    """A list of two million entries fits into 100 MB, and would take a gigabyte."""
    monkeypatch.setattr(_archive, "MAX_DIRECTORY_BYTES", 100)

    with pytest.raises(InvalidArgumentError, match="its list of entries has 148 bytes"):
        read_archive(archive(("a", "x"), ("b", "x")))


def test_too_large_an_archive_is_refused_unread(monkeypatch):
    """By its size alone."""
    monkeypatch.setattr(_archive, "MAX_ARCHIVE_BYTES", 100)

    with pytest.raises(InvalidArgumentError, match="at most 100 are taken"):
        read_archive(archive())


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


@settings(max_examples=400, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 8)),
)
def test_any_bytes_are_an_archive_or_refused(edits, cut):
    """Whatever a client sends, the answer is INVALID_ARGUMENT or a skill: no other error gets out."""
    content = bytearray(SAMPLE)
    for place, value in edits:
        content[place] = value
    del content[cut[0] : cut[0] + cut[1]]

    try:
        read = read_archive(bytes(content))
    except InvalidArgumentError:
        return

    assert isinstance(read, Archive)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_front_matter_is_a_skill_or_refused(text):
    """No YAML gets another error out."""
    try:
        skill = parse_skill_md(f"---\nname: a\n{text}\n---\n")
    except InvalidArgumentError:
        return

    assert skill.name
