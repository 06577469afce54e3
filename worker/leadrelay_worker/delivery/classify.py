"""The outcome table: ordered rules over status, body and failure; the first that matches decides.

Sources: page, "Return formats & callback" (an id comes back); facts.md, "Responses and transport" (status codes are
not documented, so HTTP's own meaning rules); design, "Delivery".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.trackapi.answers import parse_answer

from leadrelay_worker.delivery.outcome import Outcome, Seen, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: it matches a status range, a failure (by its part before ``:``), or both kinds of nothing.

    Args:
        outcome: What a match means.
        low: Lowest status, None for failures.
        high: Highest status; default `low`.
        failure: Failure, or ``*`` for any.
        with_id: Only answers that do (True) or do not (False) hold an event id; None for both.
        reason: Name for logs; default ``http_<status>`` or the failure.
    """

    outcome: Outcome
    low: int | None = None
    high: int | None = None
    failure: str | None = None
    with_id: bool | None = None
    reason: str = ""

    def matches(self, seen: Seen, answer: str | None) -> bool:
        """Tell whether this row decides."""
        if seen.failure is not None:
            return self.failure in ("*", seen.failure.partition(":")[0])
        if self.low is None or seen.status is None or not self.low <= seen.status <= (self.high or self.low):
            return False
        return self.with_id is None or self.with_id == (answer is not None)


#: The table. Users put rows of their own in front of it.
TABLE: tuple[Rule, ...] = (
    Rule("misconfigured", failure="dns"),
    Rule("misconfigured", failure="tls"),
    Rule("transient", failure="*"),
    Rule("accepted", 200, 299, with_id=True),
    Rule("misconfigured", 200, 299, with_id=False, reason="not_an_id"),
    Rule("transient", 408),
    Rule("transient", 425),
    Rule("throttled", 429),
    *(Rule("misconfigured", status) for status in (401, 403, 404, 407, 410)),
    *(Rule("rejected", status) for status in (400, 413, 414, 415, 422)),
    Rule("misconfigured", 300, 399),
    Rule("rejected", 400, 499),
    Rule("transient", 500, 599),
    Rule("misconfigured", 100, 999),
)


def classify(seen: Seen, eid: str, rules: Iterable[Rule] = TABLE) -> Verdict:
    """Classify what an attempt saw.

    Args:
        seen: The answer or the failure.
        eid: The event's id, to notice another one in the answer.
        rules: The table; the first match decides, and `TABLE` matches everything.
    """
    answer = parse_answer(seen.body) if seen.status is not None else None
    for rule in rules:
        if rule.matches(seen, answer):
            throttled = rule.outcome == "transient" and seen.status is not None and seen.retry_after is not None
            reason = rule.reason or seen.failure or f"http_{seen.status}"
            return Verdict("throttled" if throttled else rule.outcome, reason, answer is not None and answer != eid)
    return Verdict("transient", "unmatched")
