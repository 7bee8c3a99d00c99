"""Manifests: the documents of files, folders and stdin, each with the places of its parts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stigmer_core.cli.exits import ExitCode
from stigmer_core.cli.failure import PlainFailure, fail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stigmer_core.cli.yaml_nodes import Place, YamlDocument
    from stigmer_core.program import Json

MAX_BYTES = 1_000_000
_SUFFIXES = {".yaml", ".yml", ".json"}
STDIN = "-"


class Manifest(NamedTuple):
    """One document of a source; `source` is the file as it was named, or `<stdin>`."""

    source: str
    value: Json
    places: Mapping[str, Place]
    within: str = ""  # the pointer of the item of a list that this is

    @property
    def line(self) -> int:
        """Where it starts."""
        place = self.places.get(self.within)
        return place.value[0] if place else 1

    def locate(self, pointer: str, *, key: bool = False) -> tuple[int, int]:
        """Return line and column of what a JSON pointer names, or of what would hold it.

        Args:
            pointer: into this document.
            key: the place of the key and not of its value.
        """
        at = self.within + pointer
        exact = True
        while at and at not in self.places:
            at, exact = at.rpartition("/")[0], False
        place = self.places.get(at)
        if place is None:
            return 1, 1
        if place.key is not None and (key or place.is_collection or not exact):
            return place.key
        return place.value


class ManifestError(PlainFailure):
    """A source cannot be read as manifests; said on one line as compilers do, so that editors jump to it."""

    def __init__(self, source: str, message: str, line: int = 0, column: int = 0) -> None:
        place = f"{source}:{line}:{column}" if line else source
        super().__init__(f"{place}: error: {message}", code=ExitCode.USAGE)
        self.source, self.text, self.line, self.column = source, message, line, column


class _RepeatedKeyError(ValueError):
    pass


def read_manifests(sources: Sequence[str]) -> list[Manifest]:
    """Return the documents of files, folders (and their subfolders) and `-`, in the order of their names.

    Raises:
        Failure: one cannot be found or read; a `ManifestError` names the place.
    """
    return [manifest for source in sources for file in manifest_files(source) for manifest in parse_file(file)]


def parse_manifests(source: str, text: str) -> Iterator[Manifest]:
    """Yield the documents of a text; the items of a `...List` are documents of their own.

    Raises:
        ManifestError: it is neither YAML nor JSON as manifests may be.
    """
    for document in _documents(source, text):
        items = _items(document.value)
        if items is None:
            yield Manifest(source, document.value, document.places)
        else:
            for index, item in enumerate(items):
                yield Manifest(source, item, document.places, f"/items/{index}")


def manifest_files(source: str) -> list[str]:
    """Return the files that a file, a folder or `-` stands for.

    Raises:
        Failure: there is none.
    """
    if source == STDIN:
        return [STDIN]
    if "://" in source:
        fail(ExitCode.USAGE, f"{source} is a URL", "a manifest is a file, a folder, or - for stdin")
    path = Path(source)
    if path.is_dir():
        found = sorted(
            file
            for file in path.rglob("*")
            if file.suffix in _SUFFIXES and file.is_file() and not _is_hidden(file.relative_to(path))
        )
        if not found:
            fail(ExitCode.USAGE, f"{source} has no manifests", "there is no .yaml, .yml or .json in it")
        return [str(file) for file in found]
    if not path.exists():
        fail(ExitCode.USAGE, f"{source} does not exist")
    return [source]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def parse_file(source: str) -> Iterator[Manifest]:
    """Yield the documents of a file, or of stdin for `-`.

    Raises:
        ManifestError: it cannot be read, or is neither YAML nor JSON as manifests may be.
    """
    shown = "<stdin>" if source == STDIN else source
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1) if source == STDIN else _content(Path(source))
    except OSError as error:
        raise ManifestError(shown, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ManifestError(shown, f"has more than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ManifestError(shown, "is not UTF-8 text", line, 1) from error
    return parse_manifests(shown, text)


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _documents(source: str, text: str) -> Iterator[YamlDocument]:
    if source.endswith(".json") or text.lstrip().startswith(("{", "[")):
        document = _json_document(source, text)
        if document is not None:
            yield document
            return
    from stigmer_core.cli.yaml_nodes import YamlError, yaml_documents  # noqa: PLC0415 - 10 ms that help need not pay

    try:
        yield from yaml_documents(text)
    except YamlError as error:
        raise ManifestError(source, error.message, error.line, error.column) from error


def _json_document(source: str, text: str) -> YamlDocument | None:
    """Return JSON as one document, or None when it is YAML in flow style.

    libyaml reads the places, but neither tabs between tokens nor escaped surrogate pairs, both of which JSON has.
    """
    from stigmer_core.cli.yaml_nodes import YamlDocument, YamlError, yaml_documents  # noqa: PLC0415 - as above

    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        if source.endswith(".json"):
            raise ManifestError(source, error.msg, error.lineno, error.colno) from error
        return None
    except RecursionError as error:
        raise ManifestError(source, "has too many levels") from error
    except _RepeatedKeyError:
        return None  # libyaml finds it too, and knows where
    except ValueError as error:
        raise ManifestError(source, str(error)) from error
    try:
        documents = list(yaml_documents(text.replace("\t", " ")))
    except YamlError as error:
        if "levels" in error.message:
            raise ManifestError(source, error.message, error.line, error.column) from error
        documents = []
    return YamlDocument(value, documents[0].places if documents else {})


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise _RepeatedKeyError
    return mapping


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no number that JSON has")


def _items(value: Json) -> list[Json] | None:
    if not isinstance(value, dict) or not str(value.get("kind", "")).endswith("List"):
        return None
    items = value.get("items")
    return items if isinstance(items, list) else None
