"""Sources of manifests: files, folders, lists, JSON."""

from __future__ import annotations

import json

import pytest

from stigmer_core.cli.failure import Failure
from stigmer_core.cli.manifests import MAX_BYTES, ManifestError, parse_manifests, read_manifests


def test_a_folder_is_read_with_its_subfolders_in_order(tmp_path):
    """Every manifest of a folder counts, sorted, without hidden files and other suffixes."""
    for name in ("b.yaml", "a/c.yml", "a/d.json", ".git/x.yaml", "notes.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"name": name}))

    found = [manifest.value["name"] for manifest in read_manifests([str(tmp_path)])]

    assert found == ["a/c.yml", "a/d.json", "b.yaml"]


def test_items_of_a_list_are_documents(tmp_path):
    """What `get -o json` writes can be applied again, and problems are still found in their lines."""
    text = "kind: AgentList\nitems:\n  - kind: Agent\n    spec:\n      a: 1\n  - kind: Agent\n"
    first, second = parse_manifests("x.yaml", text)

    assert (first.value, second.value) == ({"kind": "Agent", "spec": {"a": 1}}, {"kind": "Agent"})
    assert (first.locate("/spec/a"), second.line) == ((5, 10), 6)


@pytest.mark.parametrize(
    ("pointer", "key", "expected"),
    [
        ("/spec/name", False, (2, 9)),
        ("/spec/name", True, (2, 3)),
        ("/spec", False, (1, 1)),
        ("/spec/missing/deeper", False, (1, 1)),
        ("/nowhere", False, (1, 1)),
        ("", False, (1, 1)),
    ],
)
def test_locate(pointer, key, expected):
    """A pointer leads to its value, to its key when that is meant, else to what would hold it."""
    (manifest,) = parse_manifests("x.yaml", "spec:\n  name: 5\n")

    assert manifest.locate(pointer, key=key) == expected


def test_json_has_what_yaml_has_not(tmp_path):
    """Tabs between tokens and escaped surrogate pairs are JSON, and parts still have their places."""
    text = '{\n\t"a": "\\ud83d\\ude00",\n\t"b": {"c": 1}\n}'
    (manifest,) = parse_manifests("x.json", text)

    assert manifest.value == {"a": "\N{GRINNING FACE}", "b": {"c": 1}}
    (plain,) = parse_manifests("x.json", '{\n\t"b": {"c": 1}\n}')
    assert plain.locate("/b/c") == (2, 13)


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("x.json", '{"a": }', "x.json:1:7: error: "),
        ("x.json", '{"a": 1, "a": 2}', "x.json:1:10: error: the key 'a' is there twice"),
        ("x.json", '{"a": NaN}', "x.json: error: NaN is no number that JSON has"),
        ("x.json", "[" * 100_000, "x.json: error: has too many levels"),
        ("x.json", "[" * 65 + "]" * 65, "x.json:1:65: error: more than 64 levels"),
        ("x.yaml", "a: *b", "x.yaml:1:4: error: the alias *b is not allowed: write the value out"),
    ],
)
def test_errors_are_written_as_compilers_do(source, text, expected):
    """`file:line:column: error: text`, so that editors jump there."""
    with pytest.raises(ManifestError) as caught:
        list(parse_manifests(source, text))

    assert caught.value.format_message().startswith(expected)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"a: \xff\n", "1:1: error: is not UTF-8 text"), (b"#" * (MAX_BYTES + 1), "error: has more than 1000000 bytes")],
)
def test_files_that_are_no_text_or_too_large(tmp_path, content, expected):
    """They are refused before they are parsed."""
    file = tmp_path / "x.yaml"
    file.write_bytes(content)

    with pytest.raises(ManifestError, match=expected):
        read_manifests([str(file)])


@pytest.mark.parametrize("source", ["nowhere.yaml", "https://example.com/x.yaml"])
def test_sources_that_are_no_files(source):
    """A missing file and a URL are usage errors."""
    with pytest.raises(Failure) as caught:
        read_manifests([source])

    assert caught.value.exit_code == 2


def test_a_byte_order_mark_is_no_content(tmp_path):
    """Editors of one platform write it."""
    (tmp_path / "x.json").write_text(json.dumps({"a": 1}), encoding="utf-8-sig")

    assert read_manifests([str(tmp_path)])[0].value == {"a": 1}
