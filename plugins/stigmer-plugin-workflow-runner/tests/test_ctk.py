"""The conformance kits: the official one, read from where it lies, and the project's own in `ctk/`."""

from __future__ import annotations

import pytest
from kit_drivers import DRIVERS
from kit_steps import KIT, OWN_KIT, play, scenarios_of
from kit_temporal import stop_temporal

SHARE = 6  # of the own kit's scenarios on Temporal, where each takes a third of a second: `make ctk` runs all of them


def scenarios():
    """Yield steps and driver of each scenario of both kits."""
    for folder in (KIT, OWN_KIT):
        for number, (feature, name, steps) in enumerate(scenarios_of(folder)):
            for driver in DRIVERS:
                if driver != "temporal" or folder is KIT or number % SHARE == 0:
                    yield pytest.param(steps, driver, id=f"{feature}: {name}-{driver}")


@pytest.fixture(scope="module", autouse=True)
def temporal():
    """Stop the Temporal server that the first scenario on it has started."""
    yield
    stop_temporal()


@pytest.mark.parametrize(("steps", "driver"), list(scenarios()))
async def test_conformance(steps, driver):
    """Every scenario ends as it says: in memory, on the local engine, after a crash at any write, and on Temporal."""
    await play(steps, driver)


@pytest.mark.skipif(KIT.is_dir(), reason="the conformance kit is there")
def test_kit_is_looked_for():
    """Without the kit its scenarios do not run, and this says so."""
    pytest.skip(f"no conformance kit in {KIT}: set STIGMER_CTK to its folder")
