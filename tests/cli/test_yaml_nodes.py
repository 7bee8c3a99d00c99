"""YAML as manifests may be written."""

from __future__ import annotations

import pytest

from stigmer_core.cli.yaml_nodes import MAX_DEPTH, YamlError, yaml_documents


def _value(text: str):
    return next(yaml_documents(text)).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("true", True),
        ("False", False),
        ("~x", "~x"),
        ("1.0.0", "1.0.0"),
        ("1", 1),
        ("-7", -7),
        ("0o17", 15),
        ("0x1F", 31),
        ("017", 17),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-11-25", "2026-11-25"),
        ("2026-11-25T10:00:00Z", "2026-11-25T10:00:00Z"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("!!str 5", "5"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text, expected):
    """What YAML 1.1 takes for booleans, dates or sexagesimals is text."""
    value = _value(f"key: {text}\n")["key"]

    assert (value, type(value)) == (expected, type(expected))


def test_on_is_a_key():
    """A key is text as it is written, whatever it looks like."""
    assert _value("on: {1: a, true: b, null: c}\n") == {"on": {"1": "a", "true": "b", "null": "c"}}


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: &x 1\n", "anchor &x", (1, 4)),
        ("a:\n  - *x\n", "alias *x", (2, 5)),
        ("a: 1\nb: 2\na: 3\n", "'a' is there twice", (3, 1)),
        ("a: !!python/object:os.system {}\n", "tag", (1, 4)),
        ("a: !custom x\n", "tag !custom", (1, 4)),
        ("? [a]\n: 1\n", "a key must be text", (1, 3)),
        ("a: .nan\n", ".nan is no number", (1, 4)),
        ("a: 1e999\n", "too large", (1, 4)),
        ("a: " + "9" * 5000 + "\n", "too long", (1, 4)),
        ("a: [1, 2\n", "expected", (2, 1)),
        ("a:\n\t- x\n", "use spaces", (2, 1)),
        ("a: \x07\n", "unacceptable", (1, 4)),
    ],
)
def test_refused_text_is_refused_at_its_place(text, message, place):
    """Nothing that a manifest must not hold gets through, and the error says where it stands."""
    with pytest.raises(YamlError) as caught:
        list(yaml_documents(text))

    assert message in caught.value.message
    assert (caught.value.line, caught.value.column) == place


def test_depth_is_limited_without_recursion():
    """64 levels are fine, one more is refused, and 100,000 do not end the process."""
    assert _value("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    for depth in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(YamlError, match="levels"):
            list(yaml_documents("[" * depth))


def test_places_of_keys_and_values():
    """Every part has the line and column of its key and of its value; keys are escaped as pointers are."""
    document = next(yaml_documents("spec:\n  a/b:\n    - name: x\n"))

    assert document.places["/spec/a~1b"].key == (2, 3)
    assert document.places["/spec/a~1b/0/name"] == ((3, 7), (3, 13), False)


def test_empty_documents_are_no_documents():
    """Comments and separators alone are nothing."""
    assert [document.value for document in yaml_documents("# none\n---\n---\na: 1\n---\n")] == [{"a": 1}]
