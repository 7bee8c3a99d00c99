"""What a plugin author imports. Light on purpose: no grpc, no apsw, no protobuf until they are needed.

Names are imported when they are first used: every command of the command line passes through here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stigmer_core.hookspecs import hookimpl
    from stigmer_core.kind import Change, Column, Draft, Job, Kind, Owner, Service, service_names
    from stigmer_core.message import resource_message
    from stigmer_core.settings import Setting

_MODULES = {
    "Change": "kind",
    "Column": "kind",
    "Draft": "kind",
    "Job": "kind",
    "Kind": "kind",
    "Owner": "kind",
    "Service": "kind",
    "Setting": "settings",
    "hookimpl": "hookspecs",
    "resource_message": "message",
    "service_names": "kind",
}

__all__ = [
    "Change",
    "Column",
    "Draft",
    "Job",
    "Kind",
    "Owner",
    "Service",
    "Setting",
    "hookimpl",
    "resource_message",
    "service_names",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
