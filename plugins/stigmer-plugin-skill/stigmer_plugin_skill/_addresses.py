"""Under which key and which path an archive is found."""

from __future__ import annotations

import re

DOWNLOADS = "/skills/artifacts"
_KEY = re.compile(r"skills/(skl_[0-9a-z]{26})/([0-9a-f]{64})\.zip")


def storage_key(skill_id: str, digest: str) -> str:
    """Return the key under which clients fetch an archive."""
    return f"skills/{skill_id}/{digest}.zip"


def key_parts(key: str) -> tuple[str, str] | None:
    """Return the skill's id and the archive's digest in a storage key; None when it is no such key."""
    match = _KEY.fullmatch(key)
    return (match[1], match[2]) if match else None


def download_path(skill_id: str, digest: str) -> str:
    """Return the path of an archive."""
    return f"{DOWNLOADS}/{skill_id}/{digest}.zip"
