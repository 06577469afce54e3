"""What a gateway counted since it started."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Counts:
    """Counters and gauges.

    Args:
        requests: Answered ones by status; `cut` for a connection that was cut instead, `gone` for a client that left.
        accepted: Events that are safe.
        refused_lines: Events of uploads that were not taken.
        calls: To the queue; one takes all events that came during the one before.
        failed_calls: Which the queue did not answer, or refused.
        waiting: Events that wait for the queue now.
        connections: Open now.
        too_many: Connections cut because there were too many.
        slow: Connections cut because a request or the taking of an answer took too long.
    """

    requests: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    refused_lines: int = 0
    calls: int = 0
    failed_calls: int = 0
    waiting: int = 0
    connections: int = 0
    too_many: int = 0
    slow: int = 0

    def told(self) -> Iterator[tuple[str, float, tuple[str, ...]]]:
        """Yield name, value and labels of each, as `metrics.declared` has them."""
        for status, number in sorted(self.requests.items()):
            yield "leadrelay_gateway_requests_total", number, (status,)
        for name, of in _NUMBERS.items():
            yield f"leadrelay_gateway_{name}", getattr(self, of), ()


#: Metric and field of each number without labels.
_NUMBERS = {
    "accepted_events_total": "accepted",
    "refused_lines_total": "refused_lines",
    "calls_total": "calls",
    "failed_calls_total": "failed_calls",
    "waiting_events": "waiting",
    "connections": "connections",
    "too_many_connections_total": "too_many",
    "slow_connections_total": "slow",
}
