"""Hot lanes: those that hold back so many events that they may be no one person's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.queue import scripts
from leadrelay.queue.hours import names_of
from leadrelay.queue.message import Message, UnreadableMessageError

if TYPE_CHECKING:
    from leadrelay.queue.core import Queue

#: Held events of one lane from which on it is worth a word: more than a person does in a long outage.
HOT = 1000
#: Places of `held` that are looked at, evenly spread: a lane that has a hundredth of all is found.
_LOOKS = 100


@dataclass(frozen=True, slots=True)
class HotLane:
    """A lane that holds back many events.

    Args:
        lane: Its key, a hash.
        held: How many.
        seq: Number of the oldest of them.
        title: Of that one, as reports show it; ``""`` when it is not known any more.
    """

    lane: str
    held: int
    seq: int
    title: str


def hot_lanes(queue: Queue, least: int = HOT) -> tuple[HotLane, ...]:
    """Give lanes that hold back at least so many events, the longest first; errors as `scripts.run`."""
    held = queue.keys.name("held")
    try:
        total: Any = queue.client.zcard(held)
        if total < least:
            return ()
        looks = queue.client.pipeline(transaction=False)
        for place in range(_LOOKS):
            looks.zrange(held, place * total // _LOOKS, place * total // _LOOKS)
        lanes = {member.partition(b"|")[0] for found in looks.execute() for member in found}
        sizes = queue.client.pipeline(transaction=False)
        hot = sorted(lane for lane in lanes if not lane.startswith(b"!"))
        for lane in hot:
            sizes.zlexcount(held, b"[" + lane + b"|", b"(" + lane + b"}")
        found = [(size, lane) for size, lane in zip(sizes.execute(), hot, strict=True) if size >= least]
        return tuple(_described(queue, held, lane, size) for size, lane in sorted(found, reverse=True))
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error


def _described(queue: Queue, held: str, lane: bytes, size: int) -> HotLane:
    first: Any = queue.client.zrangebylex(held, b"[" + lane + b"|", b"(" + lane + b"}", start=0, num=1)
    if not first:  # it moved on meanwhile
        return HotLane(lane.decode(), size, 0, "")
    _, seq, raw = first[0].split(b"|", 2)
    try:
        message = Message.parse(raw)
    except UnreadableMessageError:  # of a newer version
        return HotLane(lane.decode(), size, int(seq), "")
    _, title = names_of(queue, message.accepted_ms, message.label) or ("", "")
    return HotLane(lane.decode(), size, message.seq, title)
