"""What plugins add to the command line, remembered and anew."""

from __future__ import annotations

import json
import os

import pytest

from stigmer_core.cli import catalog, places
from stigmer_core.settings import default_home
from stigmer_core.testing.distributions import write_distribution

COMMAND = """
    from stigmer_core import hookimpl

    @hookimpl
    def stigmer_commands():
        return {"shout": "made_command:shout|Shouts.", "broken": "nowhere_to_be_found:x|Never."}
"""


@pytest.fixture
def extended(stigmer, tmp_path):
    """A command line whose installation has one more plugin, with a command that works and one that does not."""
    write_distribution(tmp_path, "shout", COMMAND)
    module = "import click\n@click.command()\n@click.argument('text')\ndef shout(text):\n    click.echo(text.upper())\n"
    (tmp_path / "made_command.py").write_text(module)
    stigmer.environment["PYTHONPATH"] = str(tmp_path)
    return stigmer


def test_commands_of_plugins_run(extended):
    """A plugin's command is one of `stigmer`, and takes the global options."""
    assert extended.ok("shout", "hi", "--color", "never") == "HI\n"
    assert "Shouts." in extended.ok("--help")


def test_a_broken_command_does_not_break_the_others(extended):
    """Help shows it as broken; calling it says why; the rest works."""
    shown = extended.ok("--help")
    called = extended("broken", "--anything")

    assert "broken  (broken: ModuleNotFoundError: No module named 'nowhere_to_be_found')" in shown
    assert called.returncode == 1
    assert "why: ModuleNotFoundError" in called.stderr
    assert extended.ok("get", "agents", "-o", "name") == ""


def test_a_broken_plugin_is_named_in_help_and_where_its_command_is_missed(stigmer, tmp_path):
    """What a plugin would have added is not silently gone."""
    write_distribution(tmp_path, "sad", "import nowhere_to_be_found")
    stigmer.environment["PYTHONPATH"] = str(tmp_path)

    assert "failed: ModuleNotFoundError" in stigmer.ok("--help")
    assert "plugin sad is failed: its commands are missing" in stigmer("weep").stderr
    assert stigmer.ok("get", "agents", "-o", "name") == ""


def test_settings_that_are_no_good_leave_help_working(stigmer):
    """Help is where one looks for the way out."""
    stigmer.home.mkdir()
    (stigmer.home / "config.toml").write_text("engine = [")

    shown = stigmer.ok("--help")

    assert "Resources:" in shown
    assert "(all)  failed:" in shown
    assert stigmer("get", "agents").returncode == 2


def test_the_catalog_is_made_once(stigmer):
    """The second command reads the file that the first one has written."""
    stigmer.ok("get", "all")
    stigmer.ok("get", "agents")
    file = stigmer.home / "cache" / "registry.json"
    kept = json.loads(file.read_text())
    kept["commands"]["planted"] = ["x:y", "planted by the test", ""]
    file.write_text(json.dumps(kept))

    assert "planted by the test" in stigmer.ok("--help")


def test_a_switch_makes_it_anew(stigmer):
    """Plugins that are switched off add nothing."""
    assert "runs  " in stigmer.ok("--help")
    assert "runs  " not in stigmer("--help", STIGMER_DISABLE_PLUGINS="workflow").stdout


def test_a_damaged_file_is_made_anew(stigmer):
    """A cache is never a reason to fail."""
    stigmer.ok("get", "all")
    (stigmer.home / "cache").mkdir(exist_ok=True)
    for content in ("", "[]", "{", '{"fingerprint": 1}'):
        (stigmer.home / "cache" / "registry.json").write_text(content)
        assert stigmer.ok("get", "agents", "-o", "name") == ""


@pytest.mark.parametrize("change", ["config.toml", "package", "installation"])
def test_fingerprint_changes_with(change, tmp_path, monkeypatch):
    """The settings, the code of an editable plugin, and whatever an installer does."""
    site, source, home = tmp_path / "site", tmp_path / "source", tmp_path / "home"
    write_distribution_like_an_editable_one(site, source)
    home.mkdir()
    monkeypatch.setattr("sys.path", [str(site)])
    before = catalog.fingerprint(home)

    assert catalog.fingerprint(home) == before
    _touch(
        {
            "config.toml": home / "config.toml",
            "package": source / "stigmer_plugin_x" / "hooks.py",
            "installation": site / "new",
        }[change]
    )
    assert catalog.fingerprint(home) != before


def write_distribution_like_an_editable_one(site, source):
    """Lay out what `pip install -e` leaves."""
    (source / "stigmer_plugin_x").mkdir(parents=True)
    info = site / "stigmer_plugin_x-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "direct_url.json").write_text(json.dumps({"url": f"file://{source}", "dir_info": {"editable": True}}))


def _touch(file):
    file.write_text("x = 1\n")
    os.utime(file, ns=(10**18, 10**18))
    os.utime(file.parent, ns=(10**18, 10**18))


def test_the_home_is_where_the_settings_say(monkeypatch, tmp_path):
    """The command line finds it without platformdirs, and finds the same."""
    for variables in ({}, {"XDG_DATA_HOME": str(tmp_path)}, {"XDG_DATA_HOME": ""}):
        monkeypatch.delenv("STIGMER_HOME", raising=False)
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert places.home_directory(None) == default_home()
