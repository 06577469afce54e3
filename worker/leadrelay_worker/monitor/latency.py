"""How long events took from acceptance to delivery, as far as it is known. Pure.

Two sources, since neither has all: the hours of the report know every event, and of those on time only that they were;
this home's history knows each of its workers' deliveries to the ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.history import Ended
    from leadrelay.tally import Tally

#: Which percentiles are shown.
SHARES = (0.5, 0.95, 0.99)


def of_hours(tally: Tally, on_time_s: float) -> dict[str, Any] | None:
    """Give the percentiles of the delivered events of some hours, in seconds; None when none was delivered."""
    if not tally.delivered:
        return None
    return {
        "events": tally.delivered,
        "on_time": tally.on_time,
        "on_time_s": on_time_s,
        "percentiles": [[share, tally.latency_s(share)] for share in SHARES],
    }


def of_history(endings: Sequence[Ended]) -> dict[str, Any] | None:
    """Give the percentiles of the latest deliveries of this home's workers, in seconds; None when there are none."""
    took = sorted(ended.latency_ms for ended in endings if ended.outcome == "delivered")
    if not took:
        return None
    percentiles = [[share, took[min(len(took) - 1, int(share * len(took)))] / 1000] for share in SHARES]
    return {"events": len(took), "percentiles": percentiles}
