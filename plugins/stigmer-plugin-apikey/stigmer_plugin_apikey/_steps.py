"""What makes API keys special: their material is the server's, and they may expire."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stigmer_core.errors import FailedPreconditionError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stigmer_core import Change, Draft
    from stigmer_plugin_apikey._secret import Secret

BY_HASH = "spec.key_hash"
BY_CREATOR = "status.audit.spec_audit.created_by.id"


def check_expiry(draft: Draft) -> Sequence[Problem]:
    """Return what is wrong with the time a key stops working at: a new key must work for a while."""
    spec = draft.resource.spec
    if not spec.HasField("expires_at"):
        return []
    try:
        written = spec.expires_at.ToJsonString()
    except ValueError:
        return [Problem("/spec/expires_at", "is no time of the years 1 to 9999")]
    if draft.creating and has_expired(spec, time.time()):
        hint = "give a later time, or never_expires"
        return [Problem("/spec/expires_at", f"{written} is over, such a key would never work", hint)]
    return []


def has_expired(spec: Any, now: float) -> bool:
    """Return whether a key has stopped working by `now`, in seconds since 1970; `never_expires` wins."""
    if spec.never_expires or not spec.HasField("expires_at"):
        return False
    return bool(spec.expires_at.ToNanoseconds() <= now * 1e9)


def engrave(change: Change, secret: Secret) -> None:
    """Give a new key its material, whatever the client sent as such."""
    change.new.spec.key_hash = secret.hash
    change.new.spec.fingerprint = secret.fingerprint


def keep_material(change: Change) -> None:
    """Keep the material of a key that is updated (a `before_write` step).

    Raises:
        FailedPreconditionError: it is a new key, made by something whose answer would not show it.
    """
    if change.old is None:
        raise FailedPreconditionError(
            f"there is no API key '{change.new.metadata.slug}', and a document cannot make one: its answer would not"
            " show the key; call ApiKeyCommandController.create"
        )
    change.new.spec.key_hash = change.old.spec.key_hash
    change.new.spec.fingerprint = change.old.spec.fingerprint
