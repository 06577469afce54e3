"""The valve: what the claim may hand out, and how a user reads it (`sending`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.queue.core import Queue

BreakerState = Literal["open", "half_open", "closed"]


@dataclass(frozen=True)
class Sending:
    """Whether events flow.

    Args:
        state: ``on``, ``paused``, ``breaker open`` or ``breaker half-open``.
        reason: Who and why, ``""`` when on.
        since_ms: Broker time of the change, None when on.
        until_ms: When a pause ends by itself.
        rate: Ceiling in events a second.
        blocked_scopes: Scope -> state of its breaker.
    """

    state: str
    reason: str
    since_ms: int | None
    until_ms: int | None
    rate: float | None
    blocked_scopes: Mapping[str, str]


class Valve:
    """Changes of the valve; every one is recorded with who made it."""

    def __init__(self, queue: Queue) -> None:
        """Act on `queue`."""
        self._queue = queue

    def pause(self, by: str, reason: str = "", for_s: float | None = None) -> None:
        """Stop handing out, until `resume` or for `for_s` seconds."""
        self._queue.run("valve", "pause", by, int(for_s * 1000) if for_s else 0, reason)

    def resume(self, by: str) -> None:
        """End a pause."""
        self._queue.run("valve", "resume", by)

    def set_rate(self, by: str, per_s: float | None) -> None:
        """Hand out at most `per_s` events a second over all workers; None lifts the ceiling."""
        self._queue.run("valve", "rate", by, "" if per_s is None else per_s)

    def set_breaker(
        self, by: str, state: BreakerState, reason: str = "", *, scope: str = "", tripped_by: int | None = None
    ) -> None:
        """Set the breaker of one scope, or of all (``""``); half-open hands out one leased probe at a time.

        Args:
            by: Who decides.
            state: The breaker's new state.
            reason: Shown to operators.
            scope: As in `Entry.scope`.
            tripped_by: Sequence number of the event that opened it; the probe is another one if there is one.
        """
        self._queue.run("valve", "breaker", by, scope, state, reason, "" if tripped_by is None else tripped_by)

    def set_full(self, for_s: float) -> None:
        """Refuse new events for `for_s` seconds (the memory watermark); 0 takes it back."""
        self._queue.run("valve", "full", "leadrelay", int(for_s * 1000))


def read_sending(valve: Mapping[str, str]) -> Sending:
    """Read the state of sending out of the valve's hash."""

    def number(field: str) -> int | None:
        return int(valve[field]) if field in valve else None

    state, reason, since = "on", "", None
    if "paused" in valve:
        state, since = "paused", number("pause_since")
        reason = f"by {valve.get('pause_by', '?')}" + (
            f": {valve['pause_reason']}" if valve.get("pause_reason") else ""
        )
    elif "breaker" in valve:
        state, since = f"breaker {valve['breaker'].replace('_', '-')}", number("breaker_since")
        reason = valve.get("breaker_reason", "")
    return Sending(
        state=state,
        reason=reason,
        since_ms=since,
        until_ms=number("pause_until") if state == "paused" else None,
        rate=float(valve["rate"]) if "rate" in valve else None,
        blocked_scopes={scope: valve.get(f"b:{scope}", "") for scope in valve.get("scopes", "").split()},
    )
