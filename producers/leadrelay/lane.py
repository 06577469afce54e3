"""Lanes: whose events must leave in order, without their name in the queue."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from leadrelay.trackapi.cookies import uid_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The first of these that is filled names the person (design, "Lanes"); `otui` holds an id.
IDENTITIES = ("uid", "otui", "userId", "email", "sid")

#: Values that name nobody, trimmed and in lower case: what applications send for visitors whom they do not know. Taken
#: for one person, all of these visitors would share one lane, and one event at a time would leave.
PLACEHOLDERS = frozenset(
    {
        "0", "-1", "-", "null", "(null)", "nil", "none", "nan", "undefined", "unknown", "n/a", "na", "(not set)",
        "false", "anonymous", "anon", "guest", "nobody", "test", "[object object]",
        "00000000-0000-0000-0000-000000000000", "00000000000000000000000000000000",
    }
)  # fmt: skip
#: Mailboxes that nobody reads.
MAILBOXES = frozenset({"noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "nobody"})


def lane_of(
    wire: Mapping[str, object],
    secret: str,
    override: str | None = None,
    placeholders: frozenset[str] = frozenset(),
) -> str:
    """Give the lane key of an event: 16 hex digits, ``""`` when nobody is named.

    Args:
        wire: Its wire parameters.
        secret: Key of the hash; every producer of a namespace must use the same.
        override: `lane=` of the call.
        placeholders: More values that name nobody, beside `PLACEHOLDERS`.
    """
    identity = override or identity_of(wire, lambda value: names_nobody(value, placeholders))
    if not identity:
        return ""
    text = f"{wire.get('si', '')}\0{identity}"
    return hashlib.blake2b(text.encode(), key=secret.encode()[:64], digest_size=8).hexdigest()


def normal(name: str, value: object) -> tuple[str, str]:
    """Give an identity as it is compared: trimmed, an email in lower case, the id in an otui as the uid that it is."""
    text = str(value).strip()
    if name == "otui":
        return "uid", uid_of(text)
    return name, text.lower() if name == "email" else text


def identities(wire: Mapping[str, object]) -> frozenset[tuple[str, str]]:
    """Give everything in an event that names its person, as (name, value) of `normal`."""
    found = (normal(name, wire[name]) for name in IDENTITIES if wire.get(name))
    return frozenset((name, value) for name, value in found if value)


def tombstone_of(name: str, value: str, secret: str, dataset: str = "") -> str:
    """Give what stands for a forgotten identity in the queue: 32 hex digits.

    Args:
        name: Of `normal`.
        value: Likewise.
        secret: As `lane_of`.
        dataset: The one in which it is forgotten, ``""`` for all.
    """
    text = f"{dataset}\0{name}\0{value}"
    return hashlib.blake2b(text.encode("utf-8", "replace"), key=secret.encode()[:64], digest_size=16).hexdigest()


def scope_of(wire: Mapping[str, object]) -> str:
    """Give the short hash of the dataset, by which a breaker can hold its events."""
    return hashlib.blake2b(str(wire.get("si", "")).encode(), digest_size=4).hexdigest()


def names_nobody(value: str, more: frozenset[str] = frozenset()) -> bool:
    """Tell whether an id or address is one of `PLACEHOLDERS` or `more`, or a mailbox that nobody reads."""
    known = value.strip().lower()
    mailbox, at, _ = known.partition("@")
    return known in PLACEHOLDERS or known in more or (bool(at) and mailbox in MAILBOXES)


def identity_of(wire: Mapping[str, object], passed_over: Callable[[str], bool] = lambda _: False) -> str:
    """Give the id or address that names the person of an event, ``""`` when nobody is named.

    Args:
        wire: Its wire parameters.
        passed_over: Tells of a value that the next name is to be taken instead.
    """
    for name in IDENTITIES:
        value = str(wire.get(name) or "").strip()
        value = uid_of(value) if name == "otui" else value
        if value and not passed_over(value):
            return value.lower() if name == "email" else value
    return ""
