"""Archives of bundles are checked before anything of them is believed."""

from __future__ import annotations

import io
import random
import stat
import zipfile

import pytest
from stigmer_plugin_bundle import _archive
from stigmer_plugin_bundle._archive import Archive

from stigmer_core.errors import InvalidArgumentError


def packed(*entries, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in [("plugin.json", "{}"), *entries]:
            file.writestr(name, content)
    return buffer.getvalue()


def linked(mode):
    info = zipfile.ZipInfo("link")
    info.external_attr = mode << 16
    return packed((info, "/etc/passwd"))


def encrypted():
    content = bytearray(packed())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


BAD = {
    "no zip": (lambda: b"not a zip", "no readable ZIP"),
    "truncated": (lambda: packed()[:-30], "no readable ZIP"),
    "parent path": (lambda: packed(("../evil", "x")), "unsafe path"),
    "absolute path": (lambda: packed(("/etc/evil", "x")), "unsafe path"),
    "drive": (lambda: packed(("C:/evil", "x")), "unsafe path"),
    "backslashes": (lambda: packed(("a\\..\\evil", "x")), "unsafe path"),
    "dot in a path": (lambda: packed(("a/./b", "x")), "unsafe path"),
    "empty part": (lambda: packed(("a//b", "x")), "unsafe path"),
    "NUL": (lambda: packed(("aXb", "x")).replace(b"aXb", b"a\0b"), "unsafe path"),
    "deep": (lambda: packed(("a/" * 40 + "b", "x")), "folders deep"),
    "symbolic link": (lambda: linked(stat.S_IFLNK | 0o777), "link or device"),
    "device": (lambda: linked(stat.S_IFCHR | 0o666), "link or device"),
    "encrypted": (encrypted, "is encrypted"),
    "two names": (lambda: packed(("aXb", "1"), ("aYb", "2")).replace(b"aXb", b"aYb"), "there twice"),
    "names that differ in case": (lambda: packed(("Plugin.JSON", "x")), "differs only in case"),
    "file and folder": (lambda: packed(("a", "x"), ("a/b", "x")), "a file and a folder"),
    "bomb": (lambda: packed(("zeros", b"\0" * 30_000_000)), "unpacks to too much"),
    "another method": (lambda: packed(method=zipfile.ZIP_LZMA), "only method taken"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_a_bad_archive_is_refused_with_its_reason(make, reason):
    """As INVALID_ARGUMENT, before a file of it is used."""
    content = make()

    with pytest.raises(InvalidArgumentError, match="cannot be installed") as caught:
        Archive(content)

    assert reason in caught.value.message


@pytest.mark.parametrize(("limit", "reason"), [("MAX_FILES", "entries"), ("MAX_ARCHIVE_BYTES", "bytes")])
def test_an_archive_over_a_limit_is_refused(monkeypatch, limit, reason):
    """The count of entries and the size of the whole have a limit each."""
    monkeypatch.setattr(_archive, limit, 3)

    with pytest.raises(InvalidArgumentError, match=rf"{reason}, at most 3"):
        Archive(packed(*((f"f{n}", "x") for n in range(3))))


def test_a_text_that_is_too_large_or_no_text_is_refused_when_it_is_read():
    """Such files may be in an archive, as pictures are."""
    archive = Archive(packed(("big.md", random.Random(1).randbytes(2_000_000)), ("raw.md", b"\xff")))

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
