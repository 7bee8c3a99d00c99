"""The server: methods and their interceptors, on gRPC sockets, in process, and the HTTP host beside them.

Names are imported when they are first used, so that what runs in process pays for no socket, HTTP or reflection code.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stigmer_core.kind import Encoded
    from stigmer_core.server.call_log import CallLog
    from stigmer_core.server.caller import Authenticator, Caller, current_caller
    from stigmer_core.server.dispatch import Dispatcher, standard_interceptors
    from stigmer_core.server.grpc_server import GrpcServer
    from stigmer_core.server.http_answers import answered
    from stigmer_core.server.http_host import HttpHost
    from stigmer_core.server.inprocess import InProcessChannel
    from stigmer_core.server.inprocess_sync import SyncInProcessChannel
    from stigmer_core.server.limits import Limits
    from stigmer_core.server.links import Links
    from stigmer_core.server.listen import Tls, parse_address
    from stigmer_core.server.method import Method, methods_of

_MODULES = {
    "Authenticator": "caller",
    "CallLog": "call_log",
    "Caller": "caller",
    "Dispatcher": "dispatch",
    "Encoded": "method",
    "GrpcServer": "grpc_server",
    "HttpHost": "http_host",
    "InProcessChannel": "inprocess",
    "Limits": "limits",
    "Links": "links",
    "Method": "method",
    "SyncInProcessChannel": "inprocess_sync",
    "Tls": "listen",
    "answered": "http_answers",
    "current_caller": "caller",
    "methods_of": "method",
    "parse_address": "listen",
    "standard_interceptors": "dispatch",
}

__all__ = [
    "Authenticator",
    "CallLog",
    "Caller",
    "Dispatcher",
    "Encoded",
    "GrpcServer",
    "HttpHost",
    "InProcessChannel",
    "Limits",
    "Links",
    "Method",
    "SyncInProcessChannel",
    "Tls",
    "answered",
    "current_caller",
    "methods_of",
    "parse_address",
    "standard_interceptors",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
