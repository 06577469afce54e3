"""The table of checks. Each takes the facts and gives its findings, none when the facts are not there. All pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.doctor.checks import broker, outside, queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay.doctor.facts import Facts
    from leadrelay.doctor.finding import Finding

#: Name and check, in the order in which they are shown.
TABLE: tuple[tuple[str, Callable[[str, Facts], list[Finding]]], ...] = (
    ("broker", broker.reachable),
    ("version", broker.version),
    ("eviction", broker.eviction),
    ("replica", broker.replica),
    ("cluster", broker.cluster),
    ("sentinel", broker.sentinel),
    ("failover", broker.failover),
    ("persistence", broker.persistence),
    ("disk", broker.disk),
    ("memory", broker.memory),
    ("clock", broker.clock),
    ("clock set", queue.clock_set),
    ("latency", broker.latency),
    ("lease", broker.lease),
    ("schema", queue.schema),
    ("books", queue.books),
    ("workers", queue.workers),
    ("sending", queue.sending),
    ("lanes", queue.lanes),
    ("headroom", queue.headroom),
    ("dead letters", queue.dead_letters),
    ("inbox", queue.inbox),
    ("priorities", queue.priorities),
    ("stray", queue.stray),
    ("dataset", outside.dataset),
    ("destination", outside.destination),
    ("folder", outside.folders),
)


def examine(facts: Facts) -> list[Finding]:
    """Apply every check."""
    return [finding for name, check in TABLE for finding in check(name, facts)]
