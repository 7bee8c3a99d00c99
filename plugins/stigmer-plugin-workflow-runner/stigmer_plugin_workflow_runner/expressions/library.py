"""The functions that compute one value of their input and the values of their arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stigmer_plugin_workflow_runner.expressions.containers import CONTAINERS
from stigmer_plugin_workflow_runner.expressions.dates import DATES
from stigmer_plugin_workflow_runner.expressions.mathematics import MATHEMATICS
from stigmer_plugin_workflow_runner.expressions.strings import STRINGS

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTIONS: dict[tuple[str, int], Callable[..., Any]] = {
    **CONTAINERS,
    **DATES,
    **MATHEMATICS,
    **STRINGS,
    ("have_decnum", 0): lambda _budget, _value: True,
    ("have_literal_numbers", 0): lambda _budget, _value: True,
}
