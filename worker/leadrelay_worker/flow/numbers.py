"""The numbers of the rules, each in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numbers:
    """The policy's numbers; ``docs/flow.md`` shows them in their rules.

    Args:
        least: Attempts after which a breaker opens when all of them failed (transient, throttled).
        least_again: The same in a slow start.
        share: Part of the attempts that opens it when not all failed: the endpoint fails half the time, and is used.
        share_least: Attempts that such a share needs.
        events: Different events that must have failed; one that always fails opens nothing.
        recent_s: Newest attempts of which such a share is taken, in seconds; older ones until there are enough.
        window_s: Oldest attempts that are judged.
        most_buckets: Rounds that are kept apart; older ones are added up.
        refused_events: Different events that must see ``misconfigured`` with none accepted between; half as many in a
            slow start.
        rejected_run: Events rejected in a row, none accepted between; three times as many over several datasets.
            As in `leadrelay.queue.core.REJECTED_RUN`, which bounds how many of them are dead.
        datasets: Failing datasets that make it the fault of all.
        alone_least: Attempts after which a worker that fails while others succeed is stopped.
        peer_share: Part of the attempts below which another worker is said to succeed.
        peer_accepted: Accepted events that it needs for that.
        wait_s: Wait of an open breaker before its first probe; doubles with each probe that fails.
        longest_wait_s: Longest of these waits.
        longest_hint_s: Longest Retry-After that is waited for instead.
        first_rate: Events a second at which a slow start begins; the lowest rate.
        modest_rate: Rate up to which a slow start doubles even when less was sent before.
        decrease: Factor by which trouble lowers a rate.
        increase: Part of the rate that was last good that is added each second, at least `first_rate`.
        trouble_share: Part of the attempts that may fail before a rate is lowered.
        calm_s: Seconds for which a rate must not have been needed before it is lifted.
        max_rate: The operator's ceiling, None for none.
        most_breakers: Datasets whose breaker may be open at a time: each costs every claim a little.
        most_watched: Breakers remembered.
    """

    least: int = 10
    least_again: int = 5
    share: float = 0.7
    share_least: int = 100
    events: int = 3
    recent_s: float = 2.0
    window_s: float = 300.0
    most_buckets: int = 20
    refused_events: int = 5
    rejected_run: int = 20
    datasets: int = 3
    alone_least: int = 20
    peer_share: float = 0.35
    peer_accepted: int = 3
    wait_s: float = 5.0
    longest_wait_s: float = 300.0
    longest_hint_s: float = 3600.0
    first_rate: float = 1.0
    modest_rate: float = 50.0
    decrease: float = 0.9
    increase: float = 0.05
    trouble_share: float = 0.5
    calm_s: float = 10.0
    max_rate: float | None = None
    most_breakers: int = 100
    most_watched: int = 1000


DEFAULT = Numbers()
