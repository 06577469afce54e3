"""The queue's own moves: enqueue, claim, settle, heartbeat, and the upkeep that returns messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from redis import exceptions

from leadrelay.entry import MOST_AT_ONCE as MOST_AT_ONCE  # noqa: PLC0414 - known from here
from leadrelay.queue import scripts
from leadrelay.queue.keys import Keys
from leadrelay.queue.message import Entry, Message, UnreadableMessageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import redis

#: Remembered eids are kept in two halves of this many: a repeat is recognised among at least so many events.
RECENT_WINDOW = 20_000
#: Seconds for which a claim stands without a heartbeat; longer than an attempt and its stop (8 s, 10 s).
LEASE_S = 30.0
#: Seconds after which a half-open breaker hands out another probe.
PROBE_LEASE_S = 15.0
#: Rejected events in a row, none accepted, that one dataset or one worker may bury (all together: three times as
#: many); further ones wait, so that nothing buries a whole backlog.
REJECTED_RUN = 20
#: Seconds for which the head of a lane may keep it waiting by failing while others are delivered.
LANE_PATIENCE_S = 900.0
#: Failed attempts that it has at least before it gives way.
LANE_ATTEMPTS = 5

Kind = Literal["delivered", "scheduled", "dead", "dropped", "ready", "suspect"]


class Observer(Protocol):
    """Whoever remembers, outside the broker, how far the broker had come."""

    def highest(self) -> tuple[int, int, int]:
        """Give the highest (epoch, seq) seen and when, in ms."""

    def stored(self) -> tuple[int, int, int]:
        """Give the highest position written down, by any process."""

    def rewinds(self) -> list[dict[str, int]]:
        """Give the rewinds written down: seen_epoch, seen_seq, seen_ms, epoch, seq, at_ms."""

    def flush(self) -> None:
        """Write down what is not written yet."""

    def observe(self, epoch: int, seq: int, before: tuple[int, int, int], *, new: int = 0) -> None:
        """Note a reply; `before` is what was known when the call was sent, `new` how many up to `seq` it gave."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The queue's word that it has an event; `duplicate` when it already had."""

    eid: str
    epoch: int
    seq: int
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """A call to enqueue that is recognised when it comes again, until its source sends another one.

    Args:
        source: Who sends; one call at a time.
        digest: Names the events of the batch.
    """

    source: str
    digest: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message in flight; `age_ms` counts only time in which the valve was open."""

    token: str
    message: Message
    age_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What a claim gave.

    Args:
        messages: In order of hand-out.
        wait_ms: How long to sleep before claiming again, unless a wake token comes.
        more: More is ready now.
        alone: The one message is a suspect: claim nothing more until it is settled.
        drain: A suspect waits: claim nothing until nothing is held.
        blocked: Scopes whose breaker is not closed, ``*`` for all: what was claimed of them before is not to be begun.
    """

    messages: tuple[Claimed, ...]
    wait_ms: int
    more: bool
    alone: bool
    drain: bool
    blocked: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a message in flight.

    Args:
        token: From the claim.
        kind: Where it goes.
        argument: Delay in ms for ``scheduled``, reason for ``dead`` and ``dropped``.
        attempt: Entry for its history, ``""`` when none was made.
    """

    token: str
    kind: Kind
    argument: str = ""
    attempt: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of settlements.

    Args:
        moved: How many moved a message.
        late: How many came after their claim had ended.
        not_dead: Tokens of those that were to be dead and are not: they came late, or too many in a row were rejected
            and this one waits.
    """

    moved: int
    late: int
    not_dead: tuple[str, ...] = ()

    @classmethod
    def parse(cls, reply: Sequence[Any]) -> Settled:
        """Read the script's reply."""
        moved, late, *not_dead = reply
        return cls(int(moved), int(late), tuple(token.decode() for token in not_dead))


class Queue:
    """The queue of one namespace on one broker.

    Args:
        client: redis-py client; its time-outs bound every call. Replies must be bytes (the default).
        namespace: `LEADRELAY_NAMESPACE`.
        witness: Remembers positions outside the broker, if given.
        lane_patience_s: Of a worker: how long a failing head may keep its lane waiting; None without end.
    """

    def __init__(
        self,
        client: redis.Redis,
        namespace: str = "leadrelay",
        witness: Observer | None = None,
        lane_patience_s: float | None = LANE_PATIENCE_S,
    ) -> None:
        """See the class."""
        self.client = client
        self.keys = Keys(namespace)
        self.witness = witness
        self.lane_patience_s = lane_patience_s

    def run(self, script: str, *args: Any, extra_keys: Sequence[str] = ()) -> Any:
        """Run one script over all keys; errors as `scripts.run`."""
        return scripts.run(self.client, script, [*self.keys.all, *extra_keys], args)

    def enqueue(
        self, entries: Sequence[Entry], *, bulk: bool = False, deadline_ms: int = 0, batch: Batch | None = None
    ) -> list[Receipt]:
        """Accept events, all or none.

        Args:
            entries: At most `MOST_AT_ONCE`.
            bulk: Behind live events (imports).
            deadline_ms: Broker time after which the call does nothing, 0 for none.
            batch: Remember the call under this name; when it is its source's last one, nothing is accepted twice.

        Raises:
            BrokerFull, BrokerUnavailable, SchemaTooNew, EnqueueTooLate: Nothing is known to be accepted.
            ValueError: Too many entries.
        """
        if len(entries) > MOST_AT_ONCE:
            message = f"{len(entries)} events in one call; at most {MOST_AT_ONCE}"
            raise ValueError(message)
        before = self.before()
        args = enqueue_args(entries, bulk=bulk, deadline_ms=deadline_ms, batch=batch)
        return self.enqueued(entries, self.run("enqueue", *args, extra_keys=[self.keys.batches]), before)

    def enqueued(self, entries: Sequence[Entry], reply: Sequence[Any], before: tuple[int, int, int]) -> list[Receipt]:
        """Read the reply of the script `enqueue`; `before` was known when it was sent."""
        _, epoch, *seqs = reply
        receipts = [
            Receipt(entry.eid, int(epoch), abs(int(seq)), duplicate=int(seq) < 0)
            for entry, seq in zip(entries, seqs, strict=True)
        ]
        new = [receipt.seq for receipt in receipts if not receipt.duplicate]
        if self.witness and new:
            self.witness.observe(int(epoch), max(new), before, new=len(new))
        return receipts

    def last_batch(self, source: str) -> str:
        """Give the digest of the last batch accepted from a source, ``""`` for none; errors as `scripts.run`."""
        try:
            digest: Any = self.client.hget(self.keys.batches, source)
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error
        return digest.decode() if digest else ""

    def claim(self, worker: str, request_id: str, limit: int, max_bytes: int, holding: int) -> Claim:
        """Take up to `limit` messages of `max_bytes` into flight.

        Args:
            worker: Its name, without spaces or colons.
            request_id: New for each claim; the same one again gives the same messages again.
            limit: Most messages.
            max_bytes: Most bytes (one message always fits).
            holding: Messages that the worker holds at this moment.
        """
        before = self.before()
        reply = self.run("claim", *_claim_args(worker, request_id, limit, max_bytes, holding))
        return self._claimed(reply, before)

    def settle(self, worker: str, request_id: str, settlements: Sequence[Settlement]) -> Settled:
        """Settle messages in flight; the same request id again gives the same answer and moves nothing."""
        return Settled.parse(self.run("settle", *self._settle_args(worker, request_id, settlements)))

    def turn(
        self,
        worker: str,
        request_id: str,
        settlements: Sequence[Settlement],
        limit: int,
        max_bytes: int,
        holding: int,
    ) -> tuple[Settled, Claim]:
        """Settle, then claim, in one round trip; `holding` counts what is held after the settlements."""
        before = self.before()
        settled, claim = scripts.run_together(
            self.client,
            [
                ("settle", self.keys.all, self._settle_args(worker, request_id, settlements)),
                ("claim", self.keys.all, _claim_args(worker, request_id, limit, max_bytes, holding)),
            ],
        )
        return Settled.parse(settled), self._claimed(claim, before)

    def heartbeat(self, worker: str, holds: Iterable[str] | None = None) -> bool:
        """Extend the worker's lease on what it holds.

        Args:
            worker: Its name.
            holds: The tokens that it has not settled, or not yet told of: what the queue believes it to hold beside
                them is made ready again. None while a claim of it is unanswered.

        Returns:
            False when it has no lease any more, so that it owns nothing it holds.
        """
        before = self.before()
        told = ["1", *holds] if holds is not None else [""]
        alive, epoch, seq = self.run("heartbeat", worker, int(LEASE_S * 1000), *told)
        self._observe(epoch, seq, before)
        return bool(alive)

    def leave(self, worker: str) -> bool:
        """Sign off a worker that holds nothing; False when it does (then `rescue` will see to it)."""
        return bool(self.run("leave", worker))

    def due(self, limit: int = MOST_AT_ONCE) -> int:
        """Move scheduled messages whose time has come to ready; gives how many."""
        return int(self.run("due", limit))

    def rescue(self, run_id: str | None = None) -> int:
        """Take back what dead workers held; gives how many.

        Args:
            run_id: The broker process's run id, read from the broker when not given.
        """
        if run_id is None:
            run_id = self.run_id()
        return int(self.run("rescue", run_id, int(LEASE_S * 1000), MOST_AT_ONCE))

    def run_id(self) -> str:
        """Give the id that the broker process took at its start."""
        try:
            info = self.client.info("server")
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error
        return str(info["run_id"])

    def now_ms(self) -> int:
        """Give broker time."""
        try:
            seconds, micros = self.client.time()
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error
        return int(seconds) * 1000 + int(micros) // 1000

    def memory(self) -> dict[str, Any]:
        """Give what the broker says of its memory (INFO memory)."""
        try:
            return dict(self.client.info("memory"))
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error

    def clock_was_set(self, by_ms: int) -> None:
        """Record that the broker's clock was set, by so much: for a day nothing is dropped for its age."""
        self.run("clock", by_ms)

    def inbox_lengths(self) -> dict[str, int]:
        """Count what plain Celery producers sent, by list, highest priority first.

        Plain reads: of a cluster, the priority lists are in other slots than the queue.
        """
        pipe = self.client.pipeline(transaction=False)
        for inbox in self.keys.inbox:
            pipe.llen(inbox)
        try:
            return dict(zip(self.keys.inbox, pipe.execute(), strict=True))
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error

    def purge(self, by: str, limit: int = MOST_AT_ONCE) -> int:
        """Drop ready messages, recorded; gives how many (call again until 0)."""
        return int(self.run("purge", by, limit))

    def _settle_args(self, worker: str, request_id: str, settlements: Iterable[Settlement]) -> list[Any]:
        patience = "" if self.lane_patience_s is None else int(self.lane_patience_s * 1000)
        args: list[Any] = [worker, request_id, REJECTED_RUN, patience, LANE_ATTEMPTS]
        for settlement in settlements:
            args += (settlement.token, settlement.kind, settlement.argument, settlement.attempt)
        return args

    def before(self) -> tuple[int, int, int]:
        """Give what the witness knows, to be told with the reply of a call that is sent now."""
        return self.witness.highest() if self.witness else (0, 0, 0)

    def _observe(self, epoch: Any, seq: Any, before: tuple[int, int, int]) -> None:
        if self.witness:
            self.witness.observe(int(epoch), int(seq), before)

    def _claimed(self, reply: Sequence[Any], before: tuple[int, int, int]) -> Claim:
        _, epoch, seq, clock, wait, flags, blocked, *rest = reply
        self._observe(epoch, seq, before)
        return Claim(
            messages=tuple(_messages(rest, int(clock))),
            wait_ms=int(wait),
            more=b"m" in flags,
            alone=b"a" in flags,
            drain=b"d" in flags,
            blocked=frozenset(blocked.decode().split()),
        )


def enqueue_args(
    entries: Iterable[Entry], *, bulk: bool = False, deadline_ms: int = 0, batch: Batch | None = None
) -> list[Any]:
    """Give the arguments of the script `enqueue`, as `Queue.enqueue`."""
    args: list[Any] = ["bulk" if bulk else "ready", deadline_ms, RECENT_WINDOW]
    args += (batch.source, batch.digest) if batch else ("", "")
    for entry in entries:
        args += entry.arguments()
    return args


def _claim_args(worker: str, request_id: str, limit: int, max_bytes: int, holding: int) -> list[Any]:
    return [worker, request_id, limit, max_bytes, holding, int(LEASE_S * 1000), int(PROBE_LEASE_S * 1000)]


def _messages(flat: Sequence[bytes], clock_ms: int) -> Iterable[Claimed]:
    for token, raw in zip(flat[::2], flat[1::2], strict=True):
        try:
            message = Message.parse(raw)
        except UnreadableMessageError:  # the claim script read this header a moment ago
            continue
        yield Claimed(token.decode(), message, max(0, clock_ms - message.open_ms))
