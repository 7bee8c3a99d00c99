"""The generic resource pipeline: one small module per step, driven by a kind's declaration."""

from __future__ import annotations

from stigmer_core.resources.contexts import close_context, context_values, open_context
from stigmer_core.resources.controller import kind_services
from stigmer_core.resources.documents import DocumentController, kind_infos
from stigmer_core.resources.following import followed
from stigmer_core.resources.gate import RunGate
from stigmer_core.resources.instances import DefaultInstances
from stigmer_core.resources.pages import NumberedPage, numbered_page, page_size, page_token, token_page, token_position
from stigmer_core.resources.pipeline import Resources
from stigmer_core.resources.sealing import REDACTED
from stigmer_core.resources.splice import spliced

__all__ = [
    "REDACTED",
    "DefaultInstances",
    "DocumentController",
    "NumberedPage",
    "Resources",
    "RunGate",
    "close_context",
    "context_values",
    "followed",
    "kind_infos",
    "kind_services",
    "numbered_page",
    "open_context",
    "page_size",
    "page_token",
    "spliced",
    "token_page",
    "token_position",
]
