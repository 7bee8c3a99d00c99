"""The API's files: generated code is current, the contract is the published one, and everything says what it is."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from ai.stigmer.commons.apiresource import field_options_pb2, rpc_service_options_pb2
from ai.stigmer.commons.rpc import method_options_pb2
from buf.validate import validate_pb2
from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

sys.path.extend([str(Path(__file__).parent), str(Path(__file__).parent.parent / "protos")])
from generate import PROTOS, compile_protos
from official_sdk import ensure_sdk

FILES = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.glob("ai/**/*.proto"))
OPTIONS = (field_options_pb2, method_options_pb2, rpc_service_options_pb2, validate_pb2)  # known options are parsed
DUMP = """
import base64, importlib, json, sys
def described(file):
    module = importlib.import_module(file.removesuffix(".proto").replace("/", ".") + "_pb2")
    return base64.b64encode(module.DESCRIPTOR.serialized_pb).decode()
print(json.dumps({file: described(file) for file in json.load(sys.stdin)}))
"""


@pytest.fixture(scope="session")
def published():
    """The published files that we have, by name."""
    command = [ensure_sdk(), "-c", DUMP]
    dumped = subprocess.run(command, input=json.dumps(FILES), capture_output=True, text=True, check=True)
    files = json.loads(dumped.stdout).items()
    return {name: FileDescriptorProto.FromString(base64.b64decode(text)) for name, text in files}


@pytest.fixture(scope="session")
def described(tmp_path_factory):
    """Our files by name, as protoc sees them, comments included."""
    folder = tmp_path_factory.mktemp("protos")
    compile_protos(folder, f"--descriptor_set_out={folder / 'set'}", "--include_source_info")
    return {file.name: file for file in FileDescriptorSet.FromString((folder / "set").read_bytes()).file}


def test_generated_code_is_current():
    """What is committed is what protos/ generates: `make protos` changes nothing."""
    done = subprocess.run(
        [sys.executable, PROTOS / "generate.py", "--check"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("file", FILES)
def test_contract_is_the_published_one(file, described, published):
    """Names, numbers, types, oneofs, services, rules and options: clients of the SDK see no difference."""
    assert _facts(described[file]) == _facts(published[file])


def test_everything_says_what_it_is(described):
    """Every message, enum, service, method and option of our files has a comment."""
    ours = [file for name, file in described.items() if name.startswith(("ai/", "stigmer"))]

    silent = [name for file in ours for name in _silent(file)]

    assert silent == []


def _facts(file: FileDescriptorProto) -> list[str]:
    """Return a file's descriptor as text, without comments and what only concerns other languages."""
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("options")
    bare.ClearField("source_code_info")
    for unordered in (bare.message_type, bare.enum_type, bare.service, bare.extension):
        unordered.sort(key=lambda element: element.name)
    return text_format.MessageToString(bare, print_unknown_fields=True).splitlines()


def _silent(file: FileDescriptorProto) -> list[str]:
    commented = {tuple(place.path) for place in file.source_code_info.location if place.leading_comments}
    return [f"{file.name}: {name}" for path, name in _elements(file) if path not in commented]


def _elements(file: FileDescriptorProto):
    """Yield the path, as `SourceCodeInfo` has it, and the name of everything that needs a comment."""
    for number, elements in ((5, file.enum_type), (6, file.service), (7, file.extension)):
        yield from (((number, index), element.name) for index, element in enumerate(elements))
    for index, service in enumerate(file.service):
        yield from (((6, index, 2, place), f"{service.name}.{rpc.name}") for place, rpc in enumerate(service.method))
    for index, message in enumerate(file.message_type):
        yield from _within(message, (4, index), message.name)


def _within(message, path, name):
    yield path, name
    yield from (((*path, 4, place), f"{name}.{enum.name}") for place, enum in enumerate(message.enum_type))
    for place, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _within(nested, (*path, 3, place), f"{name}.{nested.name}")
