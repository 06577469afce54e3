"""What a drill does, and what it says of each step."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What goes on while a backlog drains.

    Args:
        name: For people.
        events: How many are tracked while the endpoint fails.
        outage_s: Seconds for which it fails after the breaker was seen open.
        live: Events a second that arrive all the while.
        imported: Rows that are imported beside the drain.
    """

    name: str
    events: int
    outage_s: float
    live: float = 0.0
    imported: int = 0


@dataclass(frozen=True)
class Plan:
    """What to do.

    Args:
        loads: One outage each; the first is the one that is looked at.
        ceiling: `LEADRELAY_MAX_RATE`: far below what the machine can do, so that the figures speak of the estimate.
        before: Events delivered before the endpoint fails.
        rejected: Events that the endpoint rejects.
        users: Of how many users the events are.
        minute_s: Seconds of the drill that stand for a minute of Prometheus.
        since_s: Seconds by which "since" may be later than the failure: some attempts must fail first.
        within: By which part of the time that a drain still takes an estimate may be wrong; None: it must exist.
    """

    loads: tuple[Load, ...] = (
        Load("nothing beside", 9_000, 45),
        Load("live events beside", 6_000, 12, live=50),
        Load("an import beside", 7_000, 12, imported=2_000),
    )
    ceiling: float = 120.0
    before: int = 300
    rejected: int = 24
    users: int = 500
    minute_s: float = 1.0
    since_s: float = 10.0
    within: float | None = 0.25


#: The test suite's: estimates must exist, and nothing hangs on how busy the machine is.
SHORT = Plan(
    loads=(Load("nothing beside", 400, 15),), ceiling=100.0, before=50, minute_s=0.5, since_s=60.0, within=None
)


@dataclass(frozen=True)
class Step:
    """One thing that a drill shows.

    Args:
        name: What is to be so.
        figure: What was seen.
        passed: Whether it is so.
    """

    name: str
    figure: str
    passed: bool

    def line(self) -> str:
        """Give it for people."""
        return f"{'PASS' if self.passed else 'FAIL'}  {self.name}: {self.figure}"
