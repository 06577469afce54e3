"""Where one event is and was: in the queue, else in this home's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from leadrelay.queue.find import MOST_READ, Found, Search
from leadrelay.queue.hours import names_of
from leadrelay.queue.message import Attempt
from leadrelay.reports.columns import span
from leadrelay.times import shown_moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from leadrelay.history import Ended, HistoryFiles
    from leadrelay.queue.core import Queue


def trace_event(
    queue: Queue,
    history: HistoryFiles,
    eid: str,
    most: int = MOST_READ,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:
    """Say where an event is and was, as `trace --json` does; nothing of its content.

    Args:
        queue: Where it is searched first.
        history: Where it is searched then.
        eid: Its id.
        most: Messages of the queue that are read at most.
        progress: Called with the number read, now and then.

    Raises:
        BrokerUnavailable: As `scripts.run`.
    """
    search = Search(queue, eid, most, progress)
    found = search.run()
    endings = [] if found else history.find(eid)
    if not found and not endings and search.seq:  # it was accepted here: it may have moved back during the search
        found = search.run()
    told: dict[str, Any] = {"eid": eid, "known": bool(found or endings or search.seq)}
    told |= _in_queue(queue, found) if found else _gone(endings, search, history)
    told["searched"] = {"messages": search.read, "complete": found is not None or search.complete}
    return told


def _in_queue(queue: Queue, found: Found) -> dict[str, Any]:
    message = found.message
    dataset, title = names_of(queue, message.accepted_ms, message.label) or (None, None)
    return {
        "state": found.state,
        "says": _state(found),
        "seq": message.seq,
        "dataset": dataset,
        "title": title,
        "accepted": message.accepted_ms,
        "attempts": message.attempts,
        "history": _attempts(message.history),
        "gave_way": message.gave_way,
        "stale": message.stale,
        "next_attempt": found.due_ms,
        "ahead": found.ahead,
        "worker": found.worker or None,
        "reason": found.reason or None,
        "died": found.died_ms,
    }


def _state(found: Found) -> str:
    if found.state == "scheduled":
        return f"scheduled: next attempt at {shown_moment(found.due_ms)}"
    if found.state == "in_flight":
        return f"in flight with {found.worker}"
    if found.state == "dead":
        since = shown_moment(found.died_ms)
        return f"dead since {since}: {found.reason}; see `leadrelay dead show {found.message.seq}`"
    if found.state == "held" and found.place == "dataset":
        return f"held: sending to its dataset is stopped; {found.ahead:,} of it are before this one"
    if found.state == "held":
        return f"held behind an earlier event of the same user; {found.ahead:,} held ones are before it"
    why = {"returning": " again", "suspects": " again, to be sent alone: a worker died with it", "bulk": ", imported"}
    return f"ready{why.get(found.place, '')}; {found.ahead:,} are before it in its list"


def _gone(endings: list[Ended], search: Search, history: HistoryFiles) -> dict[str, Any]:
    last = endings[-1] if endings else None
    return {
        "state": last.outcome if last else "gone" if search.seq else "unknown",
        "says": _ended(last) if last else _not_here(search, history),
        "seq": last.seq if last else search.seq,
        "title": last.title if last else None,
        "accepted": last.at_ms - last.latency_ms if last else None,
        "attempts": last.attempts if last else None,
        "history": _attempts(last.history) if last else [],
        "stale": bool(last and last.stale),
        "worker": last.worker if last else None,
        "endings": [
            {"at": ended.at_ms, "outcome": ended.outcome, "attempts": ended.attempts, "reason": ended.reason,
             "worker": ended.worker}
            for ended in endings
        ],
    }  # fmt: skip


def _ended(ended: Ended) -> str:
    attempts = f"{ended.attempts} attempt{'s' * (ended.attempts != 1)}"
    after = f"after {attempts}, {span(ended.latency_ms / 1000)} after it was accepted"
    if ended.outcome == "delivered":
        return f"delivered at {shown_moment(ended.at_ms)} {after}"
    if ended.outcome == "dead":
        since = "it is no dead letter any more: dropped, pruned, or replayed"
        return f"died at {shown_moment(ended.at_ms)} ({ended.reason}) {after}; {since}"
    return f"dropped at {shown_moment(ended.at_ms)} ({ended.reason})"


def _not_here(search: Search, history: HistoryFiles) -> str:
    if not search.complete:
        return f"not among the {search.read:,} messages that were read; --most reads more"
    files = history.files()
    kept = f"the history in {history.folder}" + (f" (since {files[0].name[:10]})" if files else " (empty)")
    if search.seq:
        return (
            f"accepted here as number {search.seq:,} and not in the queue any more, so it was delivered or dropped; "
            f"{kept} does not name it: it was sent by a worker with another home, dropped by an operator, or the "
            "worker died before it wrote the line"
        )
    return (
        f"not known here: it is not in the queue, not in {kept}, and not among the events accepted lately. It was "
        "delivered longer ago or by a worker with another home, or this broker never accepted it"
    )


def _attempts(history: Iterable[str]) -> list[dict[str, Any]]:
    return [
        {"at": attempt.at_ms, "attempt": attempt.number, "outcome": attempt.outcome, "unknown": attempt.unknown,
         "reason": attempt.reason, "took_ms": attempt.took_ms}
        for attempt in map(Attempt.parse, history)
        if attempt
    ]  # fmt: skip
