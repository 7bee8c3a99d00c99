"""Where a setting may come from, and what is said about one that cannot be right."""

from __future__ import annotations

import pytest

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.settings import Setting, load_settings, with_plugin_settings


def test_sandbox_is_what_plugins_see(tmp_path, monkeypatch):
    """The default, then the file, then the variable."""
    seen = [load_settings(home=tmp_path).configuration["sandbox"]]
    (tmp_path / "config.toml").write_text('sandbox = "required"\n')
    seen.append(load_settings(home=tmp_path).configuration["sandbox"])
    monkeypatch.setenv("STIGMER_SANDBOX", "rlimits")
    seen.append(load_settings(home=tmp_path).configuration["sandbox"])

    assert seen == ["auto", "required", "rlimits"]


def test_sandbox_that_is_none_is_refused(tmp_path, monkeypatch):
    """A word that is mistyped must not turn into less protection."""
    monkeypatch.setenv("STIGMER_SANDBOX", "off")

    with pytest.raises(InvalidArgumentError, match="auto, required or rlimits"):
        load_settings(home=tmp_path)


def test_tables_of_plugins_are_what_plugins_see(tmp_path):
    """Those of the server are not theirs, and cannot be taken for it."""
    network = '[network]\nallow = ["x"]\nauth = 1\n'
    (tmp_path / "config.toml").write_text(f'{network}[notification.channels.a]\ntype = "log"\n')

    seen = load_settings(home=tmp_path).configuration

    assert seen == {
        "notification": {"channels": {"a": {"type": "log"}}},
        "network": {"allow": ["x"]},
        "auth": "token",
        "sandbox": "auto",
    }


_DECLARED = [Setting("place", "address", "Where it is."), Setting("place", "key", "What it asks for.", secret=True)]


def test_stigmer_settings_come_from_flag_variable_and_file(tmp_path, monkeypatch):
    """A plugin's setting is found where the core's are, and handed to plugins in its table."""
    (tmp_path / "config.toml").write_text('[place]\naddress = "file"\nkey = "k"\nother = 1\n')
    seen = []
    for variable, flags in [(None, {}), ("variable", {}), ("variable", {"place_address": "flag"})]:
        if variable:
            monkeypatch.setenv("STIGMER_PLACE_ADDRESS", variable)
        settings = with_plugin_settings(load_settings(home=tmp_path, **flags), _DECLARED)
        seen.append((settings.configuration["place"]["address"], settings.origins["place_address"]))

    assert [value for value, _ in seen] == ["file", "variable", "flag"]
    assert [origin for _, origin in seen] == [str(tmp_path / "config.toml"), "STIGMER_PLACE_ADDRESS", "flag"]
    assert settings.configuration["place"]["key"] == "k"


def test_flag_that_no_plugin_declares_is_refused(tmp_path):
    """What is misspelt, or belongs to a plugin that is not installed, is not passed over."""
    with pytest.raises(InvalidArgumentError, match="there is no setting place_adress"):
        with_plugin_settings(load_settings(home=tmp_path, place_adress="x"), _DECLARED)
