"""Lanes: whose events must leave in order, without their name in the queue."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from leadrelay.trackapi.cookies import uid_of

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The first of these that is filled names the person (design, "Lanes"); `otui` holds an id.
IDENTITIES = ("uid", "otui", "userId", "email", "sid")


def lane_of(wire: Mapping[str, object], secret: str, override: str | None = None) -> str:
    """Give the lane key of an event: 16 hex digits, ``""`` when nobody is named.

    Args:
        wire: Its wire parameters.
        secret: Key of the hash; every producer of a namespace must use the same.
        override: `lane=` of the call.
    """
    identity = override or identity_of(wire)
    if not identity:
        return ""
    text = f"{wire.get('si', '')}\0{identity}"
    return hashlib.blake2b(text.encode(), key=secret.encode()[:64], digest_size=8).hexdigest()


def scope_of(wire: Mapping[str, object]) -> str:
    """Give the short hash of the dataset, by which a breaker can hold its events."""
    return hashlib.blake2b(str(wire.get("si", "")).encode(), digest_size=4).hexdigest()


def identity_of(wire: Mapping[str, object]) -> str:
    """Give the id or address that names the person of an event, ``""`` when nobody is named."""
    for name in IDENTITIES:
        value = str(wire.get(name) or "").strip()
        value = uid_of(value) if name == "otui" else value
        if value:
            return value.lower() if name == "email" else value
    return ""
