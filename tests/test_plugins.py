"""The plugin host takes every broken plugin, names it, and keeps everything else whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stigmer_core.testing.distributions import write_distribution

KIND = """
    from stigmer_core import Kind, hookimpl
    from google.protobuf.struct_pb2 import Struct
    @hookimpl
    def stigmer_kinds():
        words = dict(name="{name}", id_prefix="{prefix}", plural="{plural}")
        return [Kind(message=Struct, api_version="x/v1", description="d", **words)]
"""
REPORT = """
import json, sys
from stigmer_core.plugins import PluginHost
host = PluginHost(disabled=sys.argv[1].split(","))
host.load()
host.load_runners({})
print(json.dumps({r.name: [r.state, r.reason, r.remedy] for r in host.reports} | {"kinds": sorted(host.kinds)}))
"""


def _loaded(folder, *, disabled=""):
    return json.loads(_ran(folder, REPORT, disabled))


def _ran(folder, program, disabled=""):
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", program, disabled]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


BROKEN = {
    "raises at import": ("raise ValueError('no license')", "failed", "ValueError: no license"),
    "exits at import": ("import sys; sys.exit(3)", "failed", "SystemExit: exited with 3"),
    "syntax": ("def oops(:", "failed", "SyntaxError"),
    "missing module": ("import atlassian", "failed", "No module named 'atlassian'"),
    "recursion": ("def f(): f()\nf()", "failed", "RecursionError"),
    "misspelt hook": (
        "from stigmer_core import hookimpl\n@hookimpl\ndef stigmer_kind(): return []",
        "failed",
        "there is no hook stigmer_kind",
    ),
    "wrong argument": (
        "from stigmer_core import hookimpl\n@hookimpl\ndef stigmer_kinds(app): return []",
        "failed",
        "PluginValidationError",
    ),
    "hook raises": (
        "from stigmer_core import hookimpl\n@hookimpl\ndef stigmer_kinds(): return 1 / 0",
        "failed",
        "ZeroDivisionError",
    ),
    "runner hook raises": (
        "from stigmer_core import hookimpl\n@hookimpl\ndef stigmer_runners(): raise OSError('disk')",
        "failed",
        "OSError: disk",
    ),
}


@pytest.mark.parametrize(("source", "state", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_reported_and_the_others_load(tmp_path, source, state, reason):
    """The cause is named, and the kinds of the other plugins are all there."""
    loaded = _loaded(write_distribution(tmp_path, "broken", source))

    assert loaded["broken"][0] == state
    assert reason in loaded["broken"][1]
    assert loaded["broken"][2]
    assert loaded["agent"][0] == "loaded"
    assert {"Agent", "Organization", "Workflow"} <= set(loaded["kinds"])


def test_two_plugins_with_one_kind_conflict_and_both_are_named(tmp_path):
    """The second one is left out whole; what it alone has is not there either."""
    source = KIND.format(name="Agent", prefix="zzz", plural="zzzs")

    loaded = _loaded(write_distribution(tmp_path, "zz-twin", source))

    assert loaded["zz-twin"][0] == "conflict"
    assert "kind Agent is already provided by plugin agent" in loaded["zz-twin"][1]
    assert "stigmer-plugin-agent" in loaded["zz-twin"][2]
    assert loaded["agent"][0] == "loaded"


def test_a_plugin_for_another_core_is_refused_from_its_metadata(tmp_path):
    """It is never imported: importing it would end the process."""
    folder = write_distribution(tmp_path, "old", "import os; os._exit(9)", requires=["stigmer-core<0.1"])

    loaded = _loaded(folder)

    assert loaded["old"][0] == "incompatible"
    assert "needs stigmer-core<0.1" in loaded["old"][1]


def test_a_plugin_that_needs_a_broken_one_is_blocked(tmp_path):
    """The chain is named."""
    write_distribution(tmp_path, "first", "1 / 0")
    folder = write_distribution(tmp_path, "second", "", requires=["stigmer-plugin-first"])

    loaded = _loaded(folder)

    assert loaded["second"][:2] == ["blocked", "needs plugin first, which is failed"]


def test_a_plugin_that_needs_what_is_not_installed_says_how_to_get_it(tmp_path):
    """The remedy is the pip line."""
    loaded = _loaded(write_distribution(tmp_path, "lone", "", requires=["stigmer-plugin-nowhere>=2"]))

    assert loaded["lone"] == [
        "failed",
        "needs stigmer-plugin-nowhere, which is not installed",
        "pip install 'stigmer-plugin-nowhere>=2'",
    ]


def test_a_disabled_plugin_is_not_imported(tmp_path):
    """It is listed as disabled."""
    loaded = _loaded(write_distribution(tmp_path, "off", "import os; os._exit(9)"), disabled="off")

    assert loaded["off"][0] == "disabled"


def test_a_plugin_that_prints_does_not_spoil_standard_output(tmp_path):
    """What a plugin prints at import goes to standard error, so `-o json` stays JSON."""
    loaded = _loaded(write_distribution(tmp_path, "noisy", "print('hello')"))

    assert loaded["noisy"][0] == "loaded"


WORKER = """
    from stigmer_core import hookimpl
    from stigmer_core.program import Runner
    @hookimpl
    def stigmer_runners():
        return [Runner("mine", None)]
    @hookimpl
    def stigmer_worker(values, runners, configuration):
        import sys
        print(values("run"), "mine" in runners, configuration, file=sys.__stdout__)
"""


def test_stigmer_worker_tells_plugins_what_there_is_in_a_worker(tmp_path):
    """Where values come from, every runner, and the settings of the machine; one that raises is taken out alone."""
    folder = write_distribution(tmp_path, "works", WORKER)
    write_distribution(
        tmp_path, "raises", WORKER.replace("import sys", "raise OSError").replace('"mine", None', '"x", 1')
    )
    report = REPORT.replace("print(", "host.worker(values=str.upper, configuration={'a': 1})\nprint(")

    done = _ran(folder, report)

    assert done.splitlines()[0] == "RUN True {'a': 1}"
    states = json.loads(done.splitlines()[1])
    assert (states["works"][0], states["raises"][0]) == ("loaded", "failed")


def test_one_entry_point_name_in_two_distributions_is_a_conflict(tmp_path):
    """Neither silently hides the other."""
    folder = write_distribution(tmp_path, "agent", KIND.format(name="Spy", prefix="spy", plural="spies"), version="9.0")
    (folder / "stigmer_plugin_agent-9.0.dist-info").rename(folder / "stigmer_plugin_zspy-9.0.dist-info")
    metadata = folder / "stigmer_plugin_zspy-9.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("stigmer-plugin-agent", "stigmer-plugin-zspy"))

    loaded = _loaded(folder)

    assert "Spy" not in loaded["kinds"]
    assert "Agent" in loaded["kinds"]
