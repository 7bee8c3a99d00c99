"""Archives from outside: what passes is a file or a folder at one place, whoever unpacks it."""

from __future__ import annotations

import io
import random
import stat
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stigmer_core.archives import Archive, Limits
from stigmer_core.errors import InvalidArgumentError

FIRST = ("first.md", "Be brief.\n")
DOTTED, COMPOSED = "re\u0301sume\u0301.md", "r\u00e9sum\u00e9.md"


def archive(*entries):
    """Return an archive with one more file at its beginning."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in (FIRST, *entries):
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
    return archive(("first.mx", "Be long.")).replace(b"first.mx", b"first.md")


BAD = {
    "no zip": (lambda: b"not a zip", "no readable ZIP"),
    "nothing": (lambda: b"", "no readable ZIP"),
    "truncated": (lambda: archive()[:-30], "no readable ZIP"),
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
    "names that differ in case": (lambda: archive(("FIRST.md", "x")), "differs only in case"),
    "names that differ in sharp s": (lambda: archive(("straße", "x"), ("STRASSE", "x")), "differs only in case"),
    "names that differ in accents": (lambda: archive((DOTTED, "x"), (COMPOSED, "x")), "accents"),
    "file that is a folder": (lambda: archive(("a", "x"), ("a/b", "x")), "both a file and a folder"),
    "file that is a folder far up": (lambda: archive(("a/b/c/d", "x"), ("A", "x")), "both a file and a folder"),
    "encrypted": (lambda: flagged(0x1), "encrypted"),
    "strongly encrypted": (lambda: flagged(0x40), "encrypted"),
    "other compression": (lambda: entry(method=zipfile.ZIP_LZMA), "compressed by method 14"),
    "bomb": (lambda: archive(("zeros", b"\0" * 30_000_000)), "unpacks to too much"),
}
GOOD = {
    "accents": [("résumé.md", "x"), ("日本.md", "x")],
    "folders": [("a/", ""), ("a/b/", ""), ("a/b/c.txt", "x")],
    "as deep as may be": [("a/" * 31 + "b", "x")],
    "a name that begins like a folder": [("ab", "x"), ("a/b", "x")],
    "dots in names": [("a..b", "x"), ("...", "x"), (".hidden/x", "x")],
}
SAMPLE = archive(("scripts/run.py", "print()\n" * 20), ("a/", ""), ("résumé.md", "x"))


OVER = {
    "entries": (Limits(entries=3), "4 entries, at most 3"),
    "bytes": (Limits(archive_bytes=100), "at most 100 are taken"),
    "unpacked bytes": (Limits(unpacked_bytes=12), "more than 12 bytes"),
    "bytes of the list of entries": (Limits(directory_bytes=100), "its list of entries has 197 bytes"),
    "depth": (Limits(depth=1), "2 folders deep, at most 1"),
    "bytes of a name": (Limits(part_bytes=7), "more than 7 bytes"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_a_bad_archive_is_refused_with_its_reason(make, reason):
    """As INVALID_ARGUMENT, before a file of it is used."""
    content = make()

    with pytest.raises(InvalidArgumentError) as caught:
        Archive(content)

    assert reason in caught.value.message


@pytest.mark.parametrize("entries", GOOD.values(), ids=GOOD)
def test_unusual_and_safe_names_are_taken(entries):
    """The rules refuse what is ambiguous or leaves the folder, and nothing else; names are those of files."""
    names = [name for name, _ in entries if not name.endswith("/")]

    assert Archive(archive(*entries)).names == [FIRST[0], *names]


@pytest.mark.parametrize(("limits", "reason"), OVER.values(), ids=OVER)
def test_an_archive_over_a_limit_is_refused(limits, reason):
    """Each limit by itself; the size and the list of entries before anything is read."""
    content = archive(("a", "x"), ("b", "x"), ("c/d", "x"))

    with pytest.raises(InvalidArgumentError) as caught:
        Archive(content, limits)

    assert reason in caught.value.message


def test_a_text_that_is_too_large_or_no_text_is_refused_when_it_is_read():
    """Such files may be in an archive, as pictures are."""
    read = Archive(archive(("big.md", random.Random(1).randbytes(2_000)), ("raw.md", b"\xff")))

    assert read.text(FIRST[0], most_bytes=10) == FIRST[1]
    for name, reason in (("big.md", "big.md has 2000 bytes, at most 1999"), ("raw.md", "raw.md is not UTF-8")):
        with pytest.raises(InvalidArgumentError, match=reason):
            read.text(name, most_bytes=1_999)


def test_a_text_that_is_packed_in_more_bytes_than_it_has_is_read():
    """Deflate may hold any number of empty blocks, so the packed size says nothing about the text."""
    packer = zlib.compressobj(wbits=-15)
    content = stuffed(b"\0\0\0\xff\xff" * 1_000_000 + packer.compress(b"x") + packer.flush())

    assert Archive(content).text("a", most_bytes=1) == "x"


def stuffed(packed):
    """Return an archive whose entry `a` is one byte, x, packed like this."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("a", packed)
    content = bytearray(buffer.getvalue())
    for signature, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = content.rindex(signature) + method
        content[at : at + 2] = (8).to_bytes(2, "little")
        content[at + 6 : at + 10] = zlib.crc32(b"x").to_bytes(4, "little")
        content[at + 14 : at + 18] = (1).to_bytes(4, "little")
    return bytes(content)


@settings(max_examples=400, deadline=None)
@given(
    edits=st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.tuples(st.integers(0, len(SAMPLE)), st.integers(0, 8)),
)
def test_any_bytes_are_an_archive_or_refused(edits, cut):
    """Whatever a client sends, the answer is INVALID_ARGUMENT or texts: no other error gets out."""
    content = bytearray(SAMPLE)
    for place, value in edits:
        content[place] = value
    del content[cut[0] : cut[0] + cut[1]]

    try:
        read = Archive(bytes(content))
        texts = [read.text(name, most_bytes=1_000_000) for name in read.names]
    except InvalidArgumentError:
        return

    assert len(texts) == len(read.names)
