"""Secrets: encrypted at rest by a data key per organisation, which a root key outside of the database encrypts."""

from __future__ import annotations

from stigmer_core.vault.key_text import KEY_BYTES, parsed_keys, read_keys, written_keys
from stigmer_core.vault.root_keys import RootKeys
from stigmer_core.vault.vault import Place, Vault

__all__ = ["KEY_BYTES", "Place", "RootKeys", "Vault", "parsed_keys", "read_keys", "written_keys"]
