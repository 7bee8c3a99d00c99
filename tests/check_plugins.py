"""Builds every distribution, installs each plugin's wheel alone with what it needs, imports it and runs its tests.

A plugin is a folder that could leave the repository tomorrow: this shows that it could.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
OURS = "stigmer-plugin-"
TEST_TOOLS = ("pytest", "pytest-asyncio", "pytest-timeout", "hypothesis", "gherkin-official", "jq", "jsonschema-rs")


def main(work: Path, results: Path) -> int:
    """Return 1 when a plugin does not build, install, import or pass."""
    work.mkdir(parents=True, exist_ok=True)
    wheels = work / "wheels"
    for folder in [ROOT, *_plugins()]:
        _run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, folder)
    # One environment for what comes from the index; each plugin's own wheels go into a folder of their own.
    python = _environment(work / "env", wheels)
    failed = [plugin.name for plugin in _plugins() if not _check(python, work, wheels, plugin, results)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _plugins() -> list[Path]:
    return sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


def _environment(folder: Path, wheels: Path) -> Path:
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    tools = {one for plugin in _plugins() for one in _test_group(plugin.name) if not one.startswith(OURS)}
    _run(python, "-m", "pip", "install", "-q", *TEST_TOOLS, *sorted(tools), *sorted(wheels.glob("*.whl")))
    ours = [path.name.split("-")[0] for path in wheels.glob("*.whl")]
    _run(python, "-m", "pip", "uninstall", "-q", "-y", *ours)
    return python


def _check(python: Path, work: Path, wheels: Path, plugin: Path, results: Path) -> bool:
    target = _install(python, work / plugin.name, wheels, _closure(plugin.name))
    module = plugin.name.replace("-", "_")
    imported = subprocess.run(
        [python, "-c", f"import {module}; print({module}.__file__)"],
        env={"PYTHONPATH": str(target)},
        cwd=work,
        check=False,
    )
    tests = plugin / "tests"
    if imported.returncode or not any(tests.glob("test_*.py")):
        return imported.returncode == 0
    if beside := [one.split(">")[0] for one in _test_group(plugin.name) if one.startswith(OURS)]:
        needed = _closure(plugin.name).union(*map(_closure, beside))
        target = _install(python, work / f"{plugin.name}-tested", wheels, needed)
    command = [python, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "--rootdir", plugin, tests]
    environment = {"PYTHONPATH": str(target), "PATH": f"{target / 'bin'}:/usr/bin:/bin", "HOME": str(work)}
    command += [f"--junitxml={results / (plugin.name + '.xml')}"]
    return subprocess.run(list(map(str, command)), env=environment, cwd=work, check=False).returncode == 0


def _install(python: Path, target: Path, wheels: Path, plugins: set[str]) -> Path:
    """Install the core and some plugins into a folder, in one go: a second one would replace what they share."""
    names = sorted({"stigmer-core", *plugins})
    chosen = [next(wheels.glob(f"{name.replace('-', '_')}-*.whl")) for name in names]
    _run(python, "-m", "pip", "install", "-q", "--no-deps", "--upgrade", "--target", target, *chosen)
    return target


def _test_group(name: str) -> list[str]:
    """Return what a plugin's tests work with beside its own needs: its dependency group `test`."""
    found: list[str] = _metadata(name).get("dependency-groups", {}).get("test", [])
    return found


def _metadata(name: str) -> dict:
    return tomllib.loads((ROOT / "plugins" / name / "pyproject.toml").read_text())


def _closure(name: str) -> set[str]:
    """Return a plugin and the plugins whose messages it imports, as its own metadata say."""
    project = _metadata(name)["project"]
    needed = [one.split(">")[0] for one in project["dependencies"] if one.startswith(OURS)]
    return {name}.union(*map(_closure, needed))


def _run(*command: object) -> None:
    subprocess.run(list(map(str, command)), check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
