"""Secrets: encrypted at rest by a data key per organisation, which a root key outside of the database encrypts."""

from __future__ import annotations

from stigmer_core.vault.root_keys import RootKeys
from stigmer_core.vault.vault import Place, Vault

__all__ = ["Place", "RootKeys", "Vault"]
