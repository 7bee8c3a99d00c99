"""Generates the modules of every .proto file into the distribution that owns it (`owners.toml`).

Usage: generate.py [--check]

With --check nothing is written: the exit code is 1 when what is committed is not what would be generated.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tempfile
import tomllib
from importlib import util
from pathlib import Path, PurePosixPath

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

PROTOS = Path(__file__).parent
ROOT = PROTOS.parent
VALIDATE = "buf/validate/validate.proto"
SUFFIXES = ("_pb2.py", "_pb2.pyi")


def main(arguments: list[str]) -> int:
    """Generate, or check, and return the exit code."""
    with tempfile.TemporaryDirectory() as work:
        generated = _generate(Path(work))
        if arguments == ["--check"]:
            return _check(generated)
        for stale in _committed() - set(generated):
            (ROOT / stale).unlink()
        for path, text in generated.items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(text)
    return 0


def compile_protos(work: Path, *outputs: str) -> None:
    """Run protoc over every file; `outputs` are its options that say what to write, `work` is an empty folder."""
    files = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    plugin = Path(sys.executable).parent / "protoc-gen-mypy"
    command = [sys.executable, "-m", "grpc_tools.protoc", f"--plugin=protoc-gen-mypy={plugin}"]
    inputs = [f"-I{PROTOS}", f"-I{well_known}", f"--descriptor_set_in={_rules_descriptor(work)}"]
    subprocess.run([*command, *inputs, *outputs, *files, VALIDATE], check=True, cwd=PROTOS)


def _generate(work: Path) -> dict[Path, str]:
    """Return the text of every generated module by its place in the repository."""
    out = work / "out"
    out.mkdir()
    compile_protos(work, f"--python_out={out}", f"--mypy_out=quiet:{out}")
    texts = {}
    for module in sorted(path for path in out.rglob("*") if path.name.endswith(SUFFIXES)):
        relative = module.relative_to(out)
        texts[_owner(relative.as_posix()) / relative] = module.read_text()
    return texts


def _owner(path: str) -> Path:
    if path.startswith("buf/"):
        return Path("gen")
    owners: dict[str, str] = tomllib.loads((PROTOS / "owners.toml").read_text())
    parents = [str(parent) for parent in PurePosixPath(path).parents]
    return Path(next(owners[parent] for parent in parents if parent in owners))


def _check(generated: dict[Path, str]) -> int:
    wrong = [
        path for path, text in generated.items() if not (ROOT / path).is_file() or (ROOT / path).read_text() != text
    ]
    wrong += sorted(_committed() - set(generated))
    for path in wrong:
        print(f"{path} is not what protos/ generates: run `make protos`")
    return 1 if wrong else 0


def _committed() -> set[Path]:
    folders = [ROOT / "gen", ROOT / "stigmer_core" / "api", *ROOT.glob("plugins/*/gen"), *ROOT.glob("plugins/*/*/api")]
    return {path.relative_to(ROOT) for folder in folders for path in folder.rglob("*") if path.name.endswith(SUFFIXES)}


def _rules_descriptor(work: Path) -> Path:
    """Return a descriptor set with the rules' own file, which the wheel of protovalidate embeds in a module."""
    package = util.find_spec("protovalidate")
    assert package is not None
    assert package.submodule_search_locations is not None
    module = Path(package.submodule_search_locations[0]) / "_gen" / "buf" / "validate" / "validate_pb.py"
    constants = [node.value for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Constant)]
    embedded = max((value for value in constants if isinstance(value, bytes)), key=len)
    path = work / "rules.pb"
    path.write_bytes(FileDescriptorSet(file=[FileDescriptorProto.FromString(embedded)]).SerializeToString())
    return path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
