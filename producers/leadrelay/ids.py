"""Event ids: frozen at the call, so that every attempt repeats the same one (facts.md, "Events, sessions, users")."""

from __future__ import annotations

import hashlib
import os
import re
import time

#: JavaScript clients parse a body that looks like a number into a float (facts.md, "What clients make of the answer").
_NUMBER = re.compile(r"\d+(e\d+)?")


def new_eid() -> str:
    """Give 32 hex digits of a UUIDv7 that never read as a JSON number."""
    while True:
        head = int(time.time() * 1000).to_bytes(6, "big")
        tail = bytearray(os.urandom(10))
        tail[0] = tail[0] & 0x0F | 0x70
        tail[2] = tail[2] & 0x3F | 0x80
        eid = (head + tail).hex()
        if not _NUMBER.fullmatch(eid):
            return eid


def derived_eid(*parts: str | bytes) -> str:
    """Give the eid that always belongs to these parts (an idempotency key, a line of a file)."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "big") + raw)
    eid = digest.hexdigest()[:32]
    return eid if not _NUMBER.fullmatch(eid) else "f" + eid[1:]
