"""Checks of the queue: what it holds, and whether it moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.doctor.finding import Finding, ok, problem, warning
from leadrelay.queue.message import VERSION
from leadrelay.queue.room import EVENT_BYTES, growth_per_s, headroom_s, left_bytes
from leadrelay.reports.columns import span
from leadrelay.times import shown_moment

if TYPE_CHECKING:
    from leadrelay.doctor.facts import Facts

#: Hours until the broker is full below which it is a problem, or worth a warning.
SOON_H, LATER_H = 1.0, 24.0
#: Share of the memory that dead letters may take before they are worth a warning.
DEAD_SHARE = 0.2


def schema(check: str, facts: Facts) -> list[Finding]:
    """Judge who wrote the namespace."""
    if facts.broker is None:
        return []
    if facts.schema is None:
        return [ok(check, "an empty namespace")]
    if facts.schema <= VERSION:
        return [ok(check, f"{facts.schema}")]
    return [
        problem(
            check,
            f"{facts.schema}, newer than this release's {VERSION}",
            "this release must not touch what it does not understand, so it does nothing",
            "upgrade leadrelay here: workers first, then producers",
        )
    ]


def books(check: str, facts: Facts) -> list[Finding]:
    """Judge whether every accepted event is in exactly one place, and what the broker itself lost."""
    if facts.queue is None:
        return []
    found = [*facts.queue.after.findings(), *facts.queue.rewinds]
    if not found:
        return [ok(check, f"balanced: {facts.queue.after.accepted:,} accepted")]
    why = "events were lost, or are in two places"
    return [problem(check, what, why, "leadrelay verify recounts every event") for what in found]


def clock_set(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the broker's clock goes evenly."""
    if facts.queue is None:
        return []
    now = facts.queue.after
    if not now.clock_set_lately:
        return [ok(check, "not in the last day")]
    by, when = span(abs(now.clock_set_by_ms) / 1000), shown_moment(now.clock_set_at_ms)
    told = "forward: what is scheduled may come earlier by it"
    if now.clock_set_by_ms < 0:
        told = "back: what is scheduled waits no longer by it"
    why = "times of events around it are told wrongly, and for a day no dead letter or report is dropped for its age"
    return [warning(check, f"by {by}, {when}, {told}", why, "keep the broker's clock right with NTP, which slews it")]


def workers(check: str, facts: Facts) -> list[Finding]:
    """Judge whether anybody delivers."""
    if facts.queue is None:
        return []
    now = facts.queue.after
    if now.workers:
        return [ok(check, f"{now.workers} alive")]
    make = problem if now.backlog or now.inbox else warning
    waiting = f"; {now.backlog + now.inbox:,} events wait" if now.backlog or now.inbox else ""
    return [make(check, f"none alive{waiting}", "nothing is delivered without one", "start one: leadrelay worker")]


def sending(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the valve is open."""
    if facts.queue is None:
        return []
    state = facts.queue.after.sending
    if state.state == "on":
        return [ok(check, "on")]
    what = f"{state.state} {state.reason}".strip()
    do = "leadrelay resume" if state.state == "paused" else "see what the destination answers; it closes by itself"
    return [warning(check, what, "events are accepted and wait", do)]


def lanes(check: str, facts: Facts) -> list[Finding]:
    """Judge whether one lane holds back so much that many people may share its id."""
    if facts.queue is None:
        return []
    if not facts.queue.hot:
        return [ok(check, "none holds back many events")]
    return [
        warning(
            check,
            f"lane {hot.lane} holds back {hot.held:,} events, from number {hot.seq:,} on, title {hot.title or '-'}",
            "events of one user leave one at a time; many visitors may share the id, such as a 0 for unknown ones",
            "see docs/lanes.md: lane=False for such events, or LEADRELAY_LANE_PLACEHOLDERS",
        )
        for hot in facts.queue.hot
    ]


def headroom(check: str, facts: Facts) -> list[Finding]:
    """Judge for how long the broker can go on taking what now comes in, with and without deliveries."""
    if facts.queue is None or facts.broker is None or facts.broker.used_bytes is None:
        return []
    limit = facts.broker.max_bytes or facts.broker.machine_bytes or 0
    if not limit:
        return []
    left = left_bytes(limit, facts.broker.used_bytes)
    if left <= 0:
        return [
            problem(
                check,
                "none: new events are refused",
                "producers keep them or lose them",
                "give the broker more memory; leadrelay status says what fills it",
            )
        ]
    before, after = facts.queue.before, facts.queue.after
    looks = before, after, after.now_ms - before.now_ms
    coming, growing = growth_per_s(*looks, delivering=False), growth_per_s(*looks)
    full_h, outage_h = headroom_s(left, growing) / 3600, headroom_s(left, coming) / 3600
    outage = f"; with no deliveries {_said(outage_h)}" if coming else ""
    what = f"room for {left / EVENT_BYTES:,.0f} events, {_said(full_h)} at the present rate{outage}"
    if full_h > LATER_H:
        return [ok(check, what)]
    why = "more comes in than goes out, and at the end new events are refused"
    do = "see why deliveries lag (leadrelay status), add workers or memory"
    return [(problem if full_h < SOON_H else warning)(check, what, why, do)]


def dead_letters(check: str, facts: Facts) -> list[Finding]:
    """Judge whether dead letters pile up."""
    if facts.queue is None:
        return []
    number = facts.queue.after.dead
    limit = (facts.broker.max_bytes or facts.broker.machine_bytes or 0) if facts.broker else 0
    if not number:
        return [ok(check, "none")]
    if facts.bounded or not limit or number * EVENT_BYTES < limit * DEAD_SHARE:
        return [ok(check, f"{number:,}; leadrelay dead list")]
    return [
        warning(
            check,
            f"{number:,}, and nothing bounds them",
            "they fill the memory that new events need",
            "replay or drop them, or set LEADRELAY_DEAD_MAX or LEADRELAY_DEAD_MAX_AGE",
        )
    ]


def inbox(check: str, facts: Facts) -> list[Finding]:
    """Judge whether what plain Celery producers send is adopted."""
    if facts.queue is None:
        return []
    before, now = facts.queue.before, facts.queue.after
    name = f"plain Celery producers send to queue={facts.namespace!r}"
    if not now.inbox or now.adopted > before.adopted:
        return [ok(check, f"{name}; {now.inbox:,} wait there")]
    return [
        warning(
            check,
            f"{now.inbox:,} messages wait in {facts.namespace!r} and none was adopted just now",
            "they are not counted and not delivered until a worker adopts them",
            "see that a worker of this namespace runs, and what its log says of adopting",
        )
    ]


def priorities(check: str, facts: Facts) -> list[Finding]:
    """Judge messages with a priority on a cluster, where their lists are in other slots than the queue."""
    if facts.queue is None or facts.broker is None or facts.broker.mode != "cluster":
        return []
    number = sum(count for step, count in facts.queue.inbox.items() if step)
    if not number:
        return []
    return [
        problem(
            check,
            f"{number:,} messages with a priority wait in the inbox of a cluster",
            "their lists are in other slots than the queue, so no script can adopt them",
            "send without priority, and move these by hand",
        )
    ]


def stray(check: str, facts: Facts) -> list[Finding]:
    """Judge events in queues that nobody here reads."""
    found = facts.queue.stray if facts.queue else {}
    return [
        warning(
            check,
            f"{number:,} messages in the queue {name!r}, track_event among them",
            "nobody here reads that queue, so they are never delivered",
            f"send with queue={facts.namespace!r}; move these by hand",
        )
        for name, number in found.items()
    ]


def _said(hours: float) -> str:
    return "without end" if hours == float("inf") else f"{hours:,.1f} h"
