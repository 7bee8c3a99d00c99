"""Where a setting may come from, and what is said about one that cannot be right."""

from __future__ import annotations

import pytest

from stigmer_core.errors import InvalidArgumentError
from stigmer_core.settings import load_settings


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
