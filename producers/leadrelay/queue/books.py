"""The books: what the ledger counted, against what the structures hold, read in one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadrelay.queue.core import LEASE_S
from leadrelay.queue.valve import Sending, read_sending
from leadrelay.queue.workers import Worker, alive

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from leadrelay.queue.core import Queue

#: States whose contents can be counted; `accepted` = these + delivered + dropped.
HELD_STATES = ("ready", "scheduled", "held", "in_flight", "dead")
#: For so long after the clock was set nothing is dropped for its age.
DAY_MS = 86_400_000
#: What happened, as the ledger counts it.
_COUNTED = ("accepted", "adopted", "delivered", "dropped", "late", "retried", "rescued", "replayed", "gave_way")


@dataclass(frozen=True)
class Books:
    """The ledger of one namespace at one moment, in events.

    `ready` … `dead` are lengths read from the data; `expected` is what the ledger says of the same states.
    `died` counts every death, `attempts` every attempt that was settled, by outcome. `workers` are those alive,
    `worker_heard_ms` is when one with a lease, alive or not, was last heard of. `looked_ms` is the broker time at
    which a worker last looked, `set_back_ms` by how much the clock was ever set back; `clock_set_at_ms` and
    `clock_set_by_ms` say when and by how much it was last set by over 30 s while a worker ran (0 never).
    """

    accepted: int
    adopted: int
    delivered: int
    ready: int
    scheduled: int
    held: int
    in_flight: int
    inbox: int
    dead: int
    dropped: int
    late: int
    retried: int
    rescued: int
    replayed: int
    gave_way: int
    deduplicated: int
    died: int
    attempts: Mapping[str, int]
    epoch: int
    seq: int
    now_ms: int
    oldest_ms: int | None
    workers: int
    worker_heard_ms: int | None
    expected: Mapping[str, int]
    lengths: Mapping[str, int]
    sending: Sending
    looked_ms: int = 0
    set_back_ms: int = 0
    clock_set_at_ms: int = 0
    clock_set_by_ms: int = 0

    @property
    def due_now_ms(self) -> int:
        """Now by the clock of what is scheduled, as in the scripts: broker time and all by which it was set back."""
        return max(self.now_ms, self.looked_ms) + self.set_back_ms

    @property
    def clock_set_lately(self) -> bool:
        """Whether the broker's clock was set in the last day, as `ages_are_known` of the scripts has it."""
        return bool(self.clock_set_at_ms) and abs(self.now_ms - self.clock_set_at_ms) <= DAY_MS

    @property
    def balanced(self) -> bool:
        """Whether every accepted event is in exactly one place."""
        return not self.findings()

    def findings(self) -> list[str]:
        """Say, for people, where the books do not agree; empty when they do."""
        found = []
        for state in HELD_STATES:
            real, expected = getattr(self, state), self.expected[state]
            if real != expected:
                verb = "lost" if real < expected else "too many"
                found.append(f"{state}: {real} events, the ledger says {expected} ({abs(real - expected)} {verb})")
        total = self.delivered + self.dropped + sum(getattr(self, state) for state in HELD_STATES)
        if total != self.accepted:
            found.append(f"accepted {self.accepted}, but delivered, waiting, dead and dropped are {total}")
        if self.lengths["dead_at"] != self.dead:
            found.append(f"dead: {self.dead} records, but {self.lengths['dead_at']} in their order of time")
        return found

    def ledger(self) -> dict[str, int | bool]:
        """Give the fixed part of ``--json``: the counts and whether they balance."""
        names = (
            "accepted adopted delivered ready scheduled held in_flight inbox dead dropped late retried rescued "
            "replayed gave_way"
        )
        return {**{name: getattr(self, name) for name in names.split()}, "balanced": self.balanced}

    @property
    def backlog(self) -> int:
        """Events that wait for delivery."""
        return self.ready + self.scheduled + self.held

    @property
    def lag_s(self) -> float:
        """Age of the oldest event at the head of a list, in seconds (0 when none waits)."""
        return max(0, self.now_ms - self.oldest_ms) / 1000 if self.oldest_ms else 0.0


def read_books(queue: Queue) -> Books:
    """Read the books; errors as `Queue.run`."""
    inbox = sum(queue.inbox_lengths().values())  # before the books: what is adopted in between shows twice, not never
    now, ledger_flat, valve_flat, lengths, oldest, leases = queue.run("books")
    ledger, valve = mapping(ledger_flat), mapping(valve_flat)
    workers = [
        Worker(name.decode("utf-8", "replace"), int(float(until) - LEASE_S * 1000))
        for name, until in zip(leases[::2], leases[1::2], strict=True)
    ]
    names = [
        "ready",
        "returning",
        "bulk",
        "suspects",
        "scheduled",
        "held",
        "in_flight",
        "dead",
        "dead_at",
        "lanes",
        "leases",
        "wake",
        "audit",
    ]
    length = dict(zip(names, map(int, lengths), strict=True))

    def counted(field: str) -> int:
        return int(ledger.get(field, 0))

    return Books(
        **{name: counted(name) for name in _COUNTED},
        deduplicated=counted("deduplicated"),
        died=counted("died"),
        attempts={name[9:]: int(number) for name, number in ledger.items() if name.startswith("attempts:")},
        ready=length["ready"] + length["returning"] + length["bulk"] + length["suspects"],
        scheduled=length["scheduled"],
        held=length["held"],
        in_flight=length["in_flight"],
        inbox=inbox,
        dead=length["dead"],
        epoch=counted("epoch"),
        seq=counted("seq"),
        now_ms=int(now),
        oldest_ms=int(oldest) if oldest else None,
        workers=len(alive(workers, int(now))),
        worker_heard_ms=max((worker.heard_ms for worker in workers), default=None),
        expected={state: counted(f"n:{state}") for state in HELD_STATES},
        lengths=length,
        sending=read_sending(valve, int(now)),
        looked_ms=counted("looked"),
        set_back_ms=counted("set_back"),
        clock_set_at_ms=counted("clock_set_at"),
        clock_set_by_ms=counted("clock_set_ms"),
    )


def mapping(flat: Sequence[bytes] | Mapping[bytes, bytes]) -> dict[str, str]:
    """Read a hash as a script returns it: flat, or a mapping under RESP3."""
    pairs: Any = flat.items() if hasattr(flat, "items") else zip(flat[::2], flat[1::2], strict=True)
    return {key.decode(): value.decode("utf-8", "replace") for key, value in pairs}
