"""The conformance kits: the official one, read from where it lies, and the project's own in `ctk/`."""

from __future__ import annotations

import pytest
from kit_drivers import DRIVERS
from kit_steps import KIT, OWN_KIT, play, scenarios_of


def scenarios():
    """Yield the steps of each scenario of both kits."""
    for folder in (KIT, OWN_KIT):
        for feature, name, steps in scenarios_of(folder):
            yield pytest.param(steps, id=f"{feature}: {name}")


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("steps", list(scenarios()))
async def test_conformance(steps, driver):
    """Every scenario ends as it says: in memory, on the local engine, and after a crash at any of its writes."""
    await play(steps, driver)


@pytest.mark.skipif(KIT.is_dir(), reason="the conformance kit is there")
def test_kit_is_looked_for():
    """Without the kit its scenarios do not run, and this says so."""
    pytest.skip(f"no conformance kit in {KIT}: set STIGMER_CTK to its folder")
