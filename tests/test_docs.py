"""The documents say what the code does."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from stigmer_core import hookspecs

ROOT = Path(__file__).parent.parent


def _hooks():
    return {name: value for name, value in vars(hookspecs).items() if name.startswith("stigmer_")}


def _flat(text: str) -> str:
    return re.sub(r"\s+", "", text).replace(",)", ")")


def test_every_hook_is_documented_with_its_exact_signature():
    """`docs/hooks.md` has a heading per hook, in call order, and the signature as it is in the code."""
    text = (ROOT / "docs" / "hooks.md").read_text()

    assert re.findall(r"^## (\w+)$", text, re.MULTILINE) == list(_hooks())
    for name, hook in _hooks().items():
        signature = str(inspect.signature(hook)).replace("'", "")
        assert _flat(f"def {name}{signature}") in _flat(text), name


def test_every_hook_has_a_first_party_plugin():
    """No hook is there for nobody."""
    sources = "".join(path.read_text() for path in ROOT.glob("plugins/*/stigmer_plugin_*/hooks.py"))

    for name in _hooks():
        assert f"def {name}(" in sources, name


def test_every_late_hook_has_a_test_of_its_name():
    """What a hook promises is tried with a plugin that a test makes; the first hooks have test modules of their own."""
    sources = "".join(path.read_text() for path in ROOT.glob("tests/**/test_*.py"))

    for name in ("stigmer_worker", "stigmer_routes", "stigmer_authenticators", "stigmer_jobs"):
        assert f"def test_{name}_" in sources, name


def test_readme_names_files_that_exist():
    """Every relative link of the README leads somewhere."""
    text = (ROOT / "README.md").read_text()

    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (ROOT / target).exists(), target


def test_dependencies_are_justified_where_they_are_declared():
    """Every dependency line of every distribution says why it is there."""
    for file in [ROOT / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml")]:
        block = re.search(r"^dependencies = \[\n(.*?)^\]", file.read_text(), re.MULTILINE | re.DOTALL)
        for line in (block.group(1) if block else "").splitlines():
            assert "#" in line or "stigmer-core" in line, f"{file}: {line}"
