"""Slugs: the name of a resource in references and addresses."""

from __future__ import annotations

import re

from stigmer_core.errors import InvalidArgumentError, Problem

_PATTERN = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")


def derive_slug(name: str) -> str:
    """Return the slug of a display name: lower case, spaces and dots to dashes, anything else dropped.

    Raises:
        InvalidArgumentError: what is left is no slug, as for `7 Dwarfs` or `?`.
    """
    slug = re.sub(r"[\s.]+", "-", name.strip().lower())
    slug = re.sub(r"[^a-z0-9-]", "", slug)
    slug = re.sub(r"-{2,}", "-", slug).strip("-")
    if not _PATTERN.fullmatch(slug):
        raise _no_slug("/metadata/name", f"no slug can be made of the name {name!r}: it gives {slug!r}")
    return slug


def require_slug(slug: str) -> str:
    """Return the slug as it is.

    Raises:
        InvalidArgumentError: it is none.
    """
    if not _PATTERN.fullmatch(slug):
        raise _no_slug("/metadata/slug", f"{slug!r} is not a slug")
    return slug


def _no_slug(pointer: str, message: str) -> InvalidArgumentError:
    hint = "a slug has 2 or more of a-z, 0-9 and -, starts with a letter and does not end with a dash"
    return InvalidArgumentError(f"{message}; {hint}", problems=[Problem(pointer, message, hint)])
