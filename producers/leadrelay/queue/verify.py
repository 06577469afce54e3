"""The recount: every message is read and held against the books."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.books import Books, read_books
from leadrelay.queue.letter import parse_dead
from leadrelay.queue.mend import read_heads
from leadrelay.queue.message import Message, NewerMessageError, UnreadableMessageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from leadrelay.queue.core import Queue

#: Messages read per command.
_CHUNK = 1000
_LISTS = ("ready", "returning", "bulk", "suspects")


@dataclass
class Recount:
    """What a recount found: `findings` is empty when all is well; `gone`: lanes whose head is nowhere."""

    books: Books
    messages: int = 0
    findings: list[str] = field(default_factory=list)
    gone: dict[str, int] = field(default_factory=dict)


def recount(queue: Queue, progress: Callable[[int], None] | None = None) -> Recount:
    """Read every message once and compare it with the books.

    Messages move meanwhile, so one may be read twice; two different messages under one eid are an error, one
    message seen twice is not.

    Args:
        queue: The queue to read.
        progress: Called with the number read so far.
    """
    seqs: dict[bytes, int] = {}
    heads = read_heads(queue)
    unseen = set(heads.values())
    result = Recount(read_books(queue))
    unreadable = doubles = beyond = 0
    for state, raw in everything(queue):
        if state != "dead":
            unseen.discard(_number(raw))
        try:
            message = raw if isinstance(raw, Message) else Message.parse(raw)
        except NewerMessageError:
            continue
        except UnreadableMessageError:
            unreadable += 1
            continue
        result.messages += 1
        if seqs.setdefault(message.eid.encode(), message.seq) != message.seq:
            doubles += 1
        beyond += message.seq > result.books.seq
        if progress and result.messages % _CHUNK == 0:
            progress(result.messages)
    result.gone = _gone(queue, {lane: seq for lane, seq in heads.items() if seq in unseen})
    after = read_books(queue)
    beyond = beyond if after.seq == result.books.seq else 0
    result.books = after
    result.findings += after.findings()
    for number, what in (
        (doubles, "events are in the queue under an eid that another event has"),
        (unreadable, "messages cannot be read"),
        (beyond, "messages have a sequence number beyond the ledger's"),
        (len(result.gone), "lanes wait for an event that is gone: leadrelay verify --mend lets them go on"),
    ):
        if number:
            result.findings.append(f"{number} {what}")
    return result


def _gone(queue: Queue, heads: Mapping[str, int]) -> dict[str, int]:
    """Give which of these heads, not found in one reading, are not found in another and are still the heads."""
    if not heads:
        return {}
    unseen = set(heads.values()) - {_number(raw) for state, raw in everything(queue) if state != "dead"}
    present = read_heads(queue)
    return {lane: seq for lane, seq in heads.items() if seq in unseen and present.get(lane) == seq}


def _number(raw: bytes | Message) -> int | None:
    """Give a message's number, which stands at the same place in every version."""
    if isinstance(raw, Message):
        return raw.seq
    number = raw.split(b" ", 2)[1:2]
    return int(number[0]) if number and number[0].isdigit() else None


def rewinds(queue: Queue, books: Books) -> list[str]:
    """Hold the broker's position against the witness: say what the broker itself lost.

    Args:
        queue: With its witness, else nothing can be said.
        books: The broker's present position.
    """
    if queue.witness is None:
        return []
    queue.witness.flush()
    epoch, seq, at_ms = queue.witness.stored()
    found = [
        _loss(
            rewind["seen_seq"] - (rewind["seq"] if rewind["epoch"] == rewind["seen_epoch"] else 0),
            rewind["seen_ms"],
            rewind["at_ms"],
        )
        for rewind in queue.witness.rewinds()
    ]
    if seq and epoch != books.epoch:
        found.append(_loss(seq, at_ms, books.now_ms))
    elif seq > books.seq:
        found.append(_loss(seq - books.seq, at_ms, books.now_ms))
    return found


def _loss(most: int, seen_ms: int, noticed_ms: int) -> str:
    times = [datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ") for ms in (seen_ms, noticed_ms)]
    return f"the broker lost at most {max(1, most)} accepted events between {times[0]} and {times[1]}"


def waiting(queue: Queue) -> dict[str, list[str]]:
    """Give the eids of every state that holds events; exact only while nothing moves."""
    eids: dict[str, list[str]] = {}
    for state, raw in everything(queue):
        try:
            message = raw if isinstance(raw, Message) else Message.parse(raw)
        except UnreadableMessageError:
            continue
        eids.setdefault(state, []).append(message.eid)
    return eids


def everything(queue: Queue) -> Iterator[tuple[str, bytes | Message]]:
    """Yield every message with its state, as it lies there; what moves meanwhile may come twice or not at all.

    Raises:
        BrokerUnavailable: As `scripts.run`.
    """
    try:
        for name in _LISTS:
            for raw in _list(queue, queue.keys.name(name)):
                yield "ready", raw
        for raw, _ in queue.client.zscan_iter(queue.keys.name("scheduled"), count=_CHUNK):
            yield "scheduled", raw
        for member, _ in queue.client.zscan_iter(queue.keys.name("held"), count=_CHUNK):
            yield "held", member.split(b"|", 2)[-1]
        for _, raw in queue.client.hscan_iter(queue.keys.name("flight"), count=_CHUNK):
            yield "in_flight", raw
        for _, record in queue.client.hscan_iter(queue.keys.name("dead"), count=_CHUNK):
            yield "dead", _letter(record)
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error


def _letter(record: bytes) -> bytes | Message:
    try:
        return parse_dead(record).message
    except UnreadableMessageError:
        return record.partition(b"\n")[2]


def _list(queue: Queue, key: str) -> Iterator[bytes]:
    """Read a list from its old end; claims meanwhile shift it, so a few may be passed over."""
    end = -1
    while True:
        chunk: Any = queue.client.lrange(key, end - _CHUNK + 1, end)
        if not chunk:
            return
        yield from reversed(chunk)
        if len(chunk) < _CHUNK:
            return
        end -= _CHUNK
