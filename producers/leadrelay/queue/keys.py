"""The names of every key of a queue: only the functions here spell them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

#: Key and its Redis type, in the order in which every script receives them (see ``lua/_common.lua``).
KEYS: tuple[tuple[str, str], ...] = (
    ("ledger", "hash"),  # the books: counters, epoch, seq, schema
    ("valve", "hash"),  # pause, rate, breaker, full_until
    ("wake", "list"),  # at most one token: a worker that reads it claims
    ("ready", "list"),  # tracked, oldest on the right
    ("returning", "list"),  # due, replayed, released and heads of lanes
    ("bulk", "list"),  # imports
    ("suspects", "list"),  # were in flight when a worker died; claimed alone
    ("flight", "hash"),  # "<worker>:<token>" -> message
    ("leases", "zset"),  # worker, by the end of its lease
    ("replies", "hash"),  # last claim and settle of each worker, for lost replies; last claim of each version
    ("scheduled", "zset"),  # message, by the time it is due
    ("held", "zset"),  # "<lane or !scope>|<seq>|<message>", by name
    ("lanes", "hash"),  # lane -> seq of its head, and since when that fails
    ("dead", "hash"),  # seq -> dead letter
    ("dead_at", "zset"),  # seq, by the time of death
    ("recent", "hash"),  # eid -> seq, the newer half of the window
    ("recent_old", "hash"),  # the older half
    ("audit", "list"),  # who did what to how many, newest first
    ("hours", "hash"),  # "<hour> <label>" -> what became of the events accepted in it, for reports
    ("flow", "hash"),  # outcomes counted for the controller, who that is, and what it remembers
    ("watched", "hash"),  # lane -> how many of it are dead or gave way, and the highest seq sent since
    ("replays", "hash"),  # id -> a replay: when, by whom, of what, how far
)

#: Separator and steps of kombu's priority lists; a plain Celery producer may write to each of them.
PRIORITY_SEPARATOR = "\x06\x16"
PRIORITIES = (0, 3, 6, 9)


@dataclass(frozen=True)
class Keys:
    """Key names of one namespace.

    Args:
        namespace: Name shared by all keys; also the name of the inbox. It is the hash tag of every other
            key, so that they live in one cluster slot.
    """

    namespace: str = "leadrelay"

    def name(self, key: str) -> str:
        """Give the full name of one of `KEYS`."""
        return f"{{{self.namespace}}}:{key}"

    @cached_property
    def all(self) -> list[str]:
        """Every key, in the order of `KEYS`."""
        return [self.name(key) for key, _ in KEYS]

    @cached_property
    def batches(self) -> str:
        """The hash of the last batch accepted from each source (`Batch`); only enqueue reads it."""
        return self.name("batches")

    @cached_property
    def forgotten(self) -> str:
        """The hash of tombstones: who is forgotten, until when; see `leadrelay.forgotten`. No script reads it."""
        return self.name("forgotten")

    @cached_property
    def samples(self) -> list[str]:
        """The lists of samples of the books, the finest first; see `leadrelay.queue.samples`."""
        return [self.name("samples"), self.name("samples_day")]

    @cached_property
    def inbox(self) -> list[str]:
        """The lists to which plain Celery producers push, highest priority first."""
        return [f"{self.namespace}{PRIORITY_SEPARATOR}{step}" if step else self.namespace for step in PRIORITIES]
