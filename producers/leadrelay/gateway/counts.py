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


#: Name, kind, meaning and field of each number without labels.
_NUMBERS = (
    ("accepted_events_total", "counter", "Events that are safe.", "accepted"),
    ("refused_lines_total", "counter", "Events of uploads that were not taken.", "refused_lines"),
    ("calls_total", "counter", "Calls to the queue.", "calls"),
    ("failed_calls_total", "counter", "Calls that the queue did not answer or refused.", "failed_calls"),
    ("waiting_events", "gauge", "Events that wait for the queue.", "waiting"),
    ("connections", "gauge", "Open connections.", "connections"),
    ("too_many_connections_total", "counter", "Connections cut because there were too many.", "too_many"),
    ("slow_connections_total", "counter", "Connections cut because they were too slow.", "slow"),
)


def exposition(counts: Counts) -> bytes:
    """Write them in Prometheus' text format."""
    return "".join(f"{line}\n" for line in _lines(counts)).encode()


def _lines(counts: Counts) -> Iterator[str]:
    prefix = "leadrelay_gateway"
    yield f"# HELP {prefix}_requests_total Requests, by the status of the answer."
    yield f"# TYPE {prefix}_requests_total counter"
    for status, number in sorted(counts.requests.items()):
        yield f'{prefix}_requests_total{{status="{status}"}} {number}'
    for name, kind, meaning, of in _NUMBERS:
        yield f"# HELP {prefix}_{name} {meaning}"
        yield f"# TYPE {prefix}_{name} {kind}"
        yield f"{prefix}_{name} {getattr(counts, of)}"
