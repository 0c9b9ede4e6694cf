"""Hashes by which content is known again."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def content_hash(*parts: str) -> str:
    """SHA-256 of the parts, each preceded by its length, hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def canonical_json(content: Any) -> str:
    """The one JSON text of a content, whatever the order of its keys."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def text_hash(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
