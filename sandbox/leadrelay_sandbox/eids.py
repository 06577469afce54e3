"""Event ids that the sandbox makes itself."""

from __future__ import annotations

import secrets
from uuid import UUID

from leadrelay.ids import new_eid


def make_eid(form: str, now_ms: int) -> str:
    """Give a new event id.

    Args:
        form: As the switch `eid_form`.
        now_ms: The time in ms.
    """
    if form == "dotted":
        return f"{now_ms}.{secrets.randbelow(10**9):09}"
    eid = new_eid()
    return str(UUID(eid)) if form == "uuid" else eid
