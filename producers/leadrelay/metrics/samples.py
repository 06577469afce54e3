"""From a reading to samples of the declared metrics. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from leadrelay.metrics.declared import SENDING_STATES
from leadrelay.queue import room
from leadrelay.queue.valve import ALL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from leadrelay.metrics.reading import Reading
    from leadrelay.metrics.spooled import Spool
    from leadrelay.queue import Books, Sending
    from leadrelay.queue.replay import Record

#: Counters that are fields of the books.
_COUNTED = (
    "accepted", "adopted", "delivered", "dropped", "late", "retried", "rescued", "replayed", "deduplicated",
)  # fmt: skip
_STATES = ("ready", "scheduled", "held", "in_flight", "dead", "inbox")
_SPOOL = {"events": "events", "bytes": "bytes", "oldest_s": "oldest_seconds", "lost": "lost_total"}


class Sample(NamedTuple):
    """One value of a metric; `labels` as the metric declares them, without ``queue``."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def samples(reading: Reading) -> Iterator[Sample]:
    """Yield what a reading says."""
    yield Sample("leadrelay_up", 1)
    yield Sample("leadrelay_read_seconds", reading.took_s)
    yield from _books(reading.books)
    yield from _dead(reading.books.dead, reading.reasons)
    yield from _room(reading)
    yield from _sending(reading.books.sending)
    yield Sample("leadrelay_rewinds", len(reading.rewinds))
    for (check, level), number in Counter((one.check, one.level) for one in reading.findings).items():
        yield Sample("leadrelay_doctor_findings", number, (check, level))
    yield from _replays(reading.replays)


def _books(books: Books) -> Iterator[Sample]:
    for name in _COUNTED:
        yield Sample(f"leadrelay_{name}_total", getattr(books, name))
    for state in _STATES:
        yield Sample("leadrelay_events", getattr(books, state), (state,))
    yield Sample("leadrelay_lag_seconds", books.lag_s)
    yield Sample("leadrelay_books_balanced", books.balanced)
    yield Sample("leadrelay_workers", books.workers)


def _dead(number: int, reasons: Mapping[str, int] | None) -> Iterator[Sample]:
    if reasons is None:
        return
    for reason, part in sorted(reasons.items()):
        yield Sample("leadrelay_dead_letters", part, (reason,))
    yield Sample("leadrelay_dead_letters", max(0, number - sum(reasons.values())), ("older",))


def _room(reading: Reading) -> Iterator[Sample]:
    looks = reading.before, reading.books, reading.books.now_ms - reading.before.now_ms
    used, limit = reading.memory["used_memory"], room.limit_bytes(reading.memory)
    left = room.left_bytes(limit, used)
    yield Sample("leadrelay_headroom_seconds", room.headroom_s(left, room.growth_per_s(*looks)))
    yield Sample(
        "leadrelay_outage_headroom_seconds", room.headroom_s(left, room.growth_per_s(*looks, delivering=False))
    )
    yield Sample("leadrelay_broker_memory_used_bytes", used)
    yield Sample("leadrelay_broker_memory_limit_bytes", limit)


def _sending(sending: Sending) -> Iterator[Sample]:
    now = sending.state.replace(" ", "_").replace("-", "_")
    for state in SENDING_STATES:
        yield Sample("leadrelay_sending", state == now, (state,))
    if sending.rate is not None:
        yield Sample("leadrelay_sending_limit_per_second", sending.rate)
    for breaker in sending.breakers:
        of = "all" if breaker.key == ALL else "worker" if breaker.key.startswith("@") else "dataset"
        yield Sample("leadrelay_breaker", 1, (of, breaker.key.removeprefix("@"), breaker.state))


def _replays(records: tuple[Record, ...]) -> Iterator[Sample]:
    for record in records:
        if record.state != "done":
            labels = (record.id, record.state)
            yield Sample("leadrelay_replay_letters", record.replayed, labels)
            yield Sample("leadrelay_replay_step_timestamp_seconds", record.step_ms / 1000, labels)


def spool_samples(spool: Spool) -> Iterator[Sample]:
    """Yield what `status --json` has under ``spool``; it matters most while the broker cannot be read."""
    for field, name in _SPOOL.items():
        yield Sample(f"leadrelay_spool_{name}", spool[field] or 0)
