"""Evaluates the expression that comes with its input on standard input, and prints its value or its error as JSON.

Runs as a program of its own, with the directory of the library and the seconds of processor that it may take.
"""

import importlib.util
import json
import resource
import sys
from pathlib import Path
from typing import Any

_DEEPEST = 200  # evaluations inside each other; each takes several frames of Python


def main(directory: str, seconds: str) -> None:
    """Evaluate, and print the answer."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    sys.setrecursionlimit(_DEEPEST * 50)
    library = _library(Path(directory))
    asked = json.load(sys.stdin)
    try:
        value = library.Jsonata(asked["expression"], stack=_DEEPEST).evaluate(asked["input"])
        answer = json.dumps({"value": value}, allow_nan=False)
    except (TypeError, ValueError) as error:
        answer = json.dumps({"error": f"its value is none of JSON: {error}"})
    except RecursionError:
        answer = json.dumps({"error": "it nests too deep"})
    except Exception as error:  # noqa: BLE001 - whatever the library fails with, the expression is what is wrong
        answer = json.dumps({"error": str(error) or type(error).__name__})
    sys.stdout.write(answer)


def _library(directory: Path) -> Any:
    """Import the library from its directory alone: nothing beside it can be read here."""
    file, places = directory / "__init__.py", [str(directory)]
    spec = importlib.util.spec_from_file_location("jsonata", file, submodule_search_locations=places)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no module")
    library = importlib.util.module_from_spec(spec)
    sys.modules["jsonata"] = library
    spec.loader.exec_module(library)
    return library


if __name__ == "__main__":
    main(*sys.argv[1:])
