"""Finding what waits or is dead of one person. There is no index by person, so everything is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.queue.message import Message, UnreadableMessageError, wire_of
from leadrelay.queue.selection import names
from leadrelay.queue.verify import everything

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.queue.core import Queue

#: Messages between two words of progress.
_STEP = 1000
_PIECES = re.compile(r'[^\x20-\x7e]+|[."\\]+')


@dataclass(frozen=True, slots=True)
class Held:
    """A message of the person.

    Args:
        state: ``ready``, ``scheduled``, ``held``, ``in_flight`` or ``dead``.
        message: The message.
        title: Its title.
    """

    state: str
    message: Message
    title: str


def of_user(queue: Queue, user: str, *, most_found: int) -> Iterator[tuple[int, Held | None]]:
    """Yield how many messages were read, now and then, and each that names a user (`selection.names`).

    Args:
        queue: Where.
        user: An id or an address.
        most_found: Ends after so many.

    Raises:
        BrokerUnavailable: As `scripts.run`.
    """
    wanted, found, read = needle(user), 0, 0
    for read, (state, raw) in enumerate(everything(queue), 1):
        held = _match(state, raw, user, wanted)
        if held is not None:
            found += 1
            yield read, held
            if found == most_found:
                return
        elif read % _STEP == 0:
            yield read, None
    yield read, None


def needle(user: str) -> bytes:
    """Give a text that any message of the user holds, in lower case.

    It is without what JSON writes otherwise, without letters that have a lower case of their own, and without dots: the
    id in an otui has its parts the other way round.
    """
    return max(_PIECES.split(user.lower()), key=len).encode()


def _match(state: str, raw: bytes | Message, user: str, wanted: bytes) -> Held | None:
    payload = raw.payload if isinstance(raw, Message) else raw
    if wanted not in payload.lower():
        return None
    try:
        message = raw if isinstance(raw, Message) else Message.parse(raw)
    except UnreadableMessageError:
        return None
    wire = wire_of(message.payload)
    return Held(state, message, wire.get("ti", "")) if wire and names(wire, user) else None
