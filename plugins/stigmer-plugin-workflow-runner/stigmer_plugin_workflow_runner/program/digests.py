"""Digests of documents, by which their compiled forms are found."""

from __future__ import annotations

import hashlib
import json
import marshal
from typing import TYPE_CHECKING

from stigmer_plugin_workflow_runner.program.plain import not_json

if TYPE_CHECKING:
    from stigmer_core.program import Json

KEPT = 256

_digests: dict[bytes, str] = {}


def known_digest(document: Json) -> str:
    """Return the digest of a document, nothing when it is no JSON; from the cache when the very same was asked for.

    A run of a short workflow takes as long as finding its digest. Marshal's first format tells types apart, as JSON's
    text does not: `1` from `true` and from `"1"` as a name.
    """
    try:
        key = hashlib.sha256(marshal.dumps(document, 0)).digest()
    except ValueError:  # a value of another type, or nested too deep
        return "" if not_json(document) else digest_of(document)
    found = _digests.get(key)
    if found is None:
        found = "" if not_json(document) else digest_of(document)
        _digests[key] = found
        if len(_digests) > KEPT:
            del _digests[next(iter(_digests))]
    return found


def digest_of(document: Json) -> str:
    """Return the SHA-256 of the document's canonical JSON."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
