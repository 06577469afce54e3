"""How well attempts do: the share that was accepted, and of which attempts that is. Pure."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from leadrelay.queue.samples import Sample

#: Seconds of which the attempts are counted, at most.
SHARE_S = 300


class Success(NamedTuple):
    """What became of the latest attempts.

    Args:
        share: Part of them that was accepted; None when there were none.
        of: Which attempts these are, in words.
    """

    share: float | None
    of: str


def success_of(samples: Sequence[Sample]) -> Success:
    """Give the share of the latest attempts that were accepted.

    They are those of the last five minutes; when sending stopped or went on in that time, only those since then:
    what was good before an outage says nothing of it.

    Args:
        samples: Oldest first, the last one of now.
    """
    now = samples[-1]
    recent = [sample for sample in samples if now.at_ms - sample.at_ms <= SHARE_S * 1000]
    alike = list(takewhile(lambda sample: _stopped(sample) == _stopped(now), reversed(recent)))
    before = alike[-1].attempts
    made = {kind: max(0, number - before.get(kind, 0)) for kind, number in now.attempts.items()}
    total = sum(made.values())
    if len(alike) == len(recent):
        when = f"in the last {SHARE_S // 60} min"
    else:
        when = "since sending stopped" if _stopped(now) else "since sending went on"
    if not total:
        return Success(None, f"no attempts {when}")
    return Success(made.get("accepted", 0) / total, f"of {total:,} attempt{'s' * (total != 1)} {when}")


def _stopped(sample: Sample) -> bool:
    return sample.sending != "on"
