"""Text that is safe to show, and colour."""

from __future__ import annotations

import pytest

from stigmer_core.cli.terminal import color_choice, one_line, printable

HOSTILE = [
    ("\x1b[31mred\x1b[0m", "red"),
    ("\x1b]0;title\x07x", "x"),
    ("\x1b]8;;http://evil\x1b\\link", "link"),
    ("\x9b2Jx", "x"),
    ("\x1bcx", "x"),
    ("\x1b(0x", "x"),
    ("a\rb\x08c\x00", "abc"),
    ("a\u202eb\u2066c", "abc"),
    ("\x1b[", ""),
    ("ü日本", "ü日本"),
]


@pytest.mark.parametrize(("text", "expected"), HOSTILE)
def test_text_cannot_drive_the_terminal(text, expected):
    """Escape sequences, controls and direction marks go; letters stay."""
    assert printable(text) == expected


def test_lines_survive_where_lines_are_shown():
    """A tab and a newline are text; in a cell they are a space."""
    assert printable("a\tb\n\x1b[1mc") == "a\tb\nc"
    assert one_line("a\tb\nc") == "a b c"


@pytest.mark.parametrize(
    ("choice", "environment", "expected"),
    [
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": "", "FORCE_COLOR": "1"}, True),
        ("auto", {"CLICOLOR_FORCE": "1", "TERM": "dumb"}, True),
        ("auto", {"FORCE_COLOR": "0", "TERM": "dumb"}, False),
        ("auto", {}, None),
    ],
)
def test_who_decides_about_colour(monkeypatch, choice, environment, expected):
    """The option, then NO_COLOR, then the forcing variables, then the terminal's kind, then what the stream is."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert color_choice(choice) is expected
