"""`document`, `evaluate` and `metadata`: what a workflow is called, and how its expressions are meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stigmer_core.program import Json
    from stigmer_plugin_workflow_runner.program.compiler import Compiler

_REQUIRED = {"dsl": "1.0.3", "namespace": "examples", "name": "first-steps", "version": "1.0.0"}
_TEXTS = ("title", "summary", "description")
_VERSION = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")


def check_heading(compiler: Compiler) -> None:
    """Note what is wrong with a document's heading."""
    definition = compiler.definition
    evaluate = compiler.section(definition, "evaluate", "")
    compiler.keys(evaluate, ("language", "mode"), "/evaluate")
    for key, known in (("language", ("jq",)), ("mode", ("strict", "loose"))):
        if evaluate.get(key, known[0]) not in known:
            text = f"there is no {key} {evaluate[key]!r} of expressions"
            compiler.problem(f"/evaluate/{key}", text, f"use {' or '.join(map(repr, known))}")
    compiler.section(definition, "metadata", "")
    header = definition.get("document")
    if not isinstance(header, dict):
        compiler.problem("/document", "the section 'document' is missing", "it names dsl, namespace, name and version")
        return
    compiler.keys(header, (*_REQUIRED, *_TEXTS, "tags", "metadata"), "/document")
    for key in ("tags", "metadata"):
        compiler.section(header, key, "/document")
    for key in _TEXTS:
        if not isinstance(header.get(key, ""), str):
            compiler.problem(f"/document/{key}", f"{key!r} is a text", "put it in quotes")
    for key, example in _REQUIRED.items():
        wrong = _what_is_wrong(key, header.get(key))
        if wrong:
            compiler.problem(f"/document/{key}", wrong, f"such as '{example}'")


def _what_is_wrong(key: str, value: Json) -> str:
    if value is None or value == "":
        return f"{key!r} is required"
    if not isinstance(value, str):
        return f"{key!r} is a text, which has quotes around it, not {value!r}"
    if key == "dsl" and not value.startswith("1."):
        return f"DSL version {value!r} is not supported"
    if key == "version" and not _VERSION.fullmatch(value):
        return f"{value!r} is not a semantic version"
    if key in ("namespace", "name") and not _NAME.fullmatch(value):
        return f"{value!r} cannot be a {key}: it has letters, digits and dashes, 63 at most"
    return ""
