"""Where the Temporal program is found, and how one gets into a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from stigmer_plugin_engine_temporal import _devserver
from stigmer_plugin_engine_temporal._names import task_queue, workflow_id, workflow_type
from stigmer_plugin_engine_temporal._options import Options

from stigmer_core.errors import InvalidArgumentError, UnavailableError


@pytest.fixture
def program(tmp_path):
    """Return a program called temporal."""
    path = tmp_path / "bin" / "temporal"
    path.parent.mkdir()
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_program_is_the_named_one_first(program, monkeypatch):
    """Then one on the PATH, then the package's."""
    monkeypatch.setattr(_devserver, "_packaged", lambda: "packaged")
    monkeypatch.setenv("PATH", str(program.parent))
    found = [_devserver.find_program()]
    monkeypatch.setenv("PATH", "")
    found.append(_devserver.find_program())
    monkeypatch.setenv("TEMPORAL_CLI", str(program))
    found.append(_devserver.find_program())

    assert found == [str(program), "packaged", str(program)]


def test_named_program_that_is_none_is_refused(monkeypatch, tmp_path):
    """Whoever names one wants no other."""
    monkeypatch.setenv("TEMPORAL_CLI", str(tmp_path / "none"))

    with pytest.raises(UnavailableError, match="which is no program"):
        _devserver.find_program()


def test_package_has_the_program():
    """The package from the index brings a real server."""
    assert Path(_devserver._packaged()).name.startswith("temporal")


def test_api_key_is_sent_over_tls_only():
    """No key goes over the network in the clear."""
    assert Options.of({"temporal": {"address": "x:1", "api_key": "k"}}).tls() is True
    assert Options.of({}).tls() is False


def test_certificate_and_key_belong_together(tmp_path):
    """Half of a pair is a mistake, and so is a file that is not there."""
    with pytest.raises(InvalidArgumentError, match="belong together"):
        Options(tls_cert="a").tls()
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        Options(tls_ca=str(tmp_path / "none")).tls()


def test_names_are_those_of_the_reference():
    """Whoever knows the reference system finds everything where it was."""
    assert task_queue("workflow") == "workflow_execution_runner"
    assert workflow_id("workflow", "wex_1") == "workflow-exec-wex_1"
    assert workflow_type("workflow") == "stigmer/workflow-execution/invoke"
    deep = [workflow_id("workflow", "wex_1" + "/do/0" * count) for count in (500, 501)]
    assert all(len(one) <= 1000 for one in deep)
    assert len(set(deep)) == 2
