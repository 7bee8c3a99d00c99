"""The hard limits of the house style, kept over the whole tree."""

from __future__ import annotations

import ast
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GENERATED = ("_pb2.py", "_pb2.pyi")
BANNED = {"utils", "util", "helpers", "helper", "common", "base", "misc", "types", "models", "manager"}
MODULE_LINES, FUNCTION_LINES, TEST_LINES, CLASS_METHODS, COMMENTS_PER_100 = 500, 50, 20, 20, 8
SMALL_MODULE_LINES = 50


def _modules() -> list[Path]:
    folders = [ROOT / "stigmer_core", ROOT / "tests", ROOT / "benchmarks", ROOT / "examples", ROOT / "plugins"]
    found = [path for folder in folders for path in folder.rglob("*.py")] + list((ROOT / "protos").glob("*.py"))
    skipped = {"gen", "build", "__pycache__"}
    return [p for p in found if not p.name.endswith(GENERATED) and not skipped & set(p.relative_to(ROOT).parts)]


MODULES = _modules()
IDS = [str(path.relative_to(ROOT)) for path in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_keeps_the_limits(path):
    """Modules, functions, classes and comments stay within what a reader can hold."""
    problems = [*_too_long(path), *_too_many_comments(path)]

    assert problems == []


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_has_a_telling_name(path):
    """No module is a drawer for what found no name."""
    assert path.stem.strip("_") not in BANNED


@pytest.mark.parametrize("path", MODULES, ids=IDS)
def test_module_says_what_it_is(path):
    """Every module starts with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text()))


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.name.startswith("test_")], ids=lambda path: path.stem
)
def test_every_test_states_its_guarantee(path):
    """A test's name is a claim; its docstring says what is guaranteed."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, functions)]
    tests = [node for node in nodes if node.name.startswith("test_")]

    assert [test.name for test in tests if not ast.get_docstring(test)] == []


@pytest.mark.parametrize("plugin", sorted(ROOT.glob("plugins/*")), ids=lambda path: path.name)
def test_plugin_is_a_folder_that_could_leave(plugin):
    """Each plugin has its own metadata, README and package; generated namespaces have no `__init__`."""
    module = plugin.name.replace("-", "_")

    assert (plugin / "pyproject.toml").is_file()
    assert len((plugin / "README.md").read_text()) > 200
    assert (plugin / module / "__init__.py").is_file()
    assert list((plugin / "gen").rglob("__init__.py")) == []


def test_plugin_packages_are_light():
    """A plugin's `__init__` holds a docstring only: every process that touches the package pays for more."""
    for init in ROOT.glob("plugins/*/stigmer_plugin_*/__init__.py"):
        assert len(ast.parse(init.read_text()).body) == 1, init


def _too_long(path: Path) -> list[str]:
    source = path.read_text()
    lines = source.count("\n")
    problems = [f"{lines} lines"] if lines > MODULE_LINES else []
    testing = path.name.startswith("test_")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            limit = TEST_LINES if testing and node.name.startswith("test_") else FUNCTION_LINES
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > limit:
                problems.append(f"{node.name}: {length} lines, at most {limit}")
        if isinstance(node, ast.ClassDef) and not testing:
            public = [m for m in node.body if hasattr(m, "name") and not m.name.startswith("_")]
            if len(public) > CLASS_METHODS:
                problems.append(f"{node.name}: {len(public)} public methods, at most {CLASS_METHODS}")
    return problems


def _too_many_comments(path: Path) -> list[str]:
    with path.open("rb") as file:
        tokens = list(tokenize.tokenize(file.readline))
    comments = sum(
        1
        for token in tokens
        if token.type == tokenize.COMMENT and "noqa" not in token.string and "type:" not in token.string
    )
    lines = max(path.read_text().count("\n"), SMALL_MODULE_LINES)
    return [f"{comments} comments in {lines} lines"] if comments * 100 > COMMENTS_PER_100 * lines else []
