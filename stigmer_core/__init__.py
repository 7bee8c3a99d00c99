"""What a plugin author imports. Light on purpose: no grpc, no apsw, no protobuf until they are needed."""

from __future__ import annotations

from stigmer_core.hookspecs import hookimpl
from stigmer_core.kind import Change, Column, Draft, Kind, Owner, Service, service_names

__all__ = ["Change", "Column", "Draft", "Kind", "Owner", "Service", "hookimpl", "service_names"]
__version__ = "0.1.0"
