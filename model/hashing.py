"""Hashes by which content is known again."""

from __future__ import annotations

import hashlib


def content_hash(*parts: str) -> str:
    """SHA-256 of the parts, each preceded by its length, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
