"""The retry policy: when to try again, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from leadrelay_worker.delivery.outcome import Verdict


@dataclass(frozen=True, slots=True)
class Policy:
    """The numbers of the policy.

    Args:
        first_s: Wait after the first failed attempt; doubles with each.
        longest_s: Longest wait of the schedule.
        jitter: Most that chance adds, as a part of the wait: spreads what failed together.
        max_age_s: Age, in time for which the valve was open, at which an event is dead (``expired``).
        hint_cap_s: Longest Retry-After that is believed.
        misconfigured_attempts: Attempts that may see ``misconfigured`` before the event is dead (``refused``).
    """

    first_s: float = 5.0
    longest_s: float = 3600.0
    jitter: float = 0.25
    max_age_s: float = 7 * 86400.0
    hint_cap_s: float = 36_000.0
    misconfigured_attempts: int = 24


DEFAULT = Policy()


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the event: a settlement's kind and argument (delay in ms, or reason)."""

    kind: Literal["delivered", "scheduled", "dead", "ready"]
    argument: str = ""


def decide(
    verdict: Verdict,
    attempt: int,
    age_ms: int,
    chance: float,
    retry_after_s: float | None = None,
    policy: Policy = DEFAULT,
) -> Decision:
    """Decide after an attempt.

    Args:
        verdict: Its outcome.
        attempt: Its number, from 1.
        age_ms: Age of the event in open time.
        chance: A random number in [0, 1).
        retry_after_s: The endpoint's own wish, in seconds.
        policy: The numbers.
    """
    if verdict.outcome == "accepted":
        return Decision("delivered")
    if verdict.outcome == "rejected":
        return Decision("dead", "rejected")
    if verdict.outcome == "misconfigured" and attempt >= policy.misconfigured_attempts:
        return Decision("dead", "refused")
    wait = backoff(attempt, chance, policy)
    if retry_after_s is not None:
        wait = max(wait, min(retry_after_s, policy.hint_cap_s))
    if age_ms / 1000 + wait >= policy.max_age_s:
        return Decision("dead", "expired")
    return Decision("scheduled", str(int(wait * 1000)))


def backoff(attempt: int, chance: float, policy: Policy = DEFAULT) -> float:
    """Give the wait in seconds after attempt `attempt`."""
    step = min(policy.longest_s, policy.first_s * 2.0 ** min(attempt - 1, 30))
    return step * (1 + policy.jitter * chance)


def read_retry_after(text: str | None, now: datetime) -> float | None:
    """Read a Retry-After header, seconds or a date; None when there is none or it cannot be read."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
