"""The evidence vault, in a folder or in a bucket with Object Lock."""

from hemostat.vault.evidence import EvidenceMissing, Vault

__all__ = ["EvidenceMissing", "Vault"]
