"""A browser takes content for what it is and no more, under a name that can do nothing."""

from __future__ import annotations

import pytest
from stigmer_plugin_artifact._headers import content_disposition, content_headers, is_known

NAMES = {
    "plain": ("report.pdf", 'filename="report.pdf"', "report.pdf"),
    "not ASCII": ("r\u00e9sum\u00e9.pdf", 'filename="r_sum_.pdf"', "r%C3%A9sum%C3%A9.pdf"),
    "quote": ('a"; x="b', 'filename="a__ x=_b"', "a%22%3B%20x%3D%22b"),
    "backslash": ("a\\b", 'filename="a_b"', "a_b"),
    "header": ("a\r\nset-cookie: b", 'filename="a__set-cookie_ b"', "a__set-cookie%3A%20b"),
    "folders": ("../../.bashrc", 'filename="_.._.bashrc"', "_.._.bashrc"),
    "hidden": (".env", 'filename="env"', "env"),
    "reversed": ("a\u202egpj.exe", 'filename="a_gpj.exe"', "a_gpj.exe"),
    "NUL": ("a\0b", 'filename="a_b"', "a_b"),
    "only dots": ("...", 'filename="artifact"', "artifact"),
    "long": ("x" * 1000, f'filename="{"x" * 255}"', "x" * 255),
}


@pytest.mark.parametrize(("name", "plain", "encoded"), NAMES.values(), ids=NAMES)
def test_a_file_name_is_quoted_safely(name, plain, encoded):
    """Both forms of RFC 6266: one that every client reads, one with the name as it is."""
    assert content_disposition("attachment", name) == f"attachment; {plain}; filename*=UTF-8''{encoded}"


@pytest.mark.parametrize(
    "content_type", ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xhtml+xml", "text/xsl"]
)
def test_what_could_run_is_put_in_a_sandbox(content_type):
    """And nothing is sniffed: content that a model wrote has no page's rights."""
    headers = content_headers(content_type, "ab", 1, "inline")

    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_pdf_can_be_shown():
    """A viewer does not run in a sandbox."""
    assert "Content-Security-Policy" not in content_headers("application/pdf", "ab", 1, "inline")


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [('"ab"', True), ('W/"ab"', True), ('"x", "ab"', True), ("*", True), ('"abc"', False), ("ab", False), ("", False)],
)
def test_a_client_that_has_the_content_is_known_by_its_tag(if_none_match, known):
    """Tags compare weakly."""
    assert is_known("ab", if_none_match) is known
