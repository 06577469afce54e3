"""Who is forgotten: tombstones in the broker, and what they cover.

One hash (`Keys.forgotten`), which no script reads:

``p:<hash>``  an identity (`lane.tombstone_of`): ``<ms> <until> <check>``. It covers what was accepted up to that
              moment by broker time, so that a person who comes back is served; it is kept until `until`, for what
              comes up late. `check` tells whether a reader has the secret with which the hash was made.
``e:<eid>``   an event that lay in the inbox, where nothing says when it came; likewise.
``version``   counts changes: a reader looks at this alone until it differs.

An event that is covered ends as dropped, reason `REASON`: in the worker before its attempt, when it is adopted, or,
when it waited in a spool, as a stand-in that the drain sends in its place, without anything of the person.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.inbox import call_of
from leadrelay.lane import identities, tombstone_of
from leadrelay.queue import scripts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.entry import Entry
    from leadrelay.queue.core import Queue
    from leadrelay.queue.message import Message
    from leadrelay.spool.reader import Waiting

logger = logging.getLogger(__name__)

#: Why a covered event is dropped, in the books' words.
REASON = "forgotten"
#: Payload that stands in for an event of the spool; no event has it, since each has a dataset.
STAND_IN = b'{"forgotten":""}'
#: Beginnings of fields.
PERSON, EVENT = "p:", "e:"
_VERSION = "version"
#: Seconds between two looks of a drain: less than a tombstone reaches beyond its act (`forgetting`).
_LOOK_S = 1.0


def check_of(secret: str) -> str:
    """Give 8 hex digits by which two sides can see that they have the same secret."""
    return tombstone_of("check", "check", secret)[:8]


def wire_in(payload: bytes) -> Mapping[str, Any]:
    """Give the parameters in a payload, as far as there are any: of an event, a refused one, or a Celery message."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) and "body" not in found else call_of(payload)


class Forgotten:
    """What a process knows of the tombstones; costs nothing while there are none.

    Args:
        queue: Whose.
        secret: `LEADRELAY_LANE_SECRET`, the same for all.
    """

    def __init__(self, queue: Queue, secret: str) -> None:
        """See the class; knows of none until `refresh`."""
        self._queue, self._secret = queue, secret
        self._version: bytes | None = None
        self._up_to: dict[str, int] = {}
        self._latest = -1
        self._look_at = 0.0
        #: Events that are covered whenever they were accepted.
        self.eids: frozenset[str] = frozenset()

    def refresh(self) -> None:
        """Look whether the tombstones have changed, and read them if so; errors as `scripts.run`."""
        key = self._queue.keys.forgotten
        try:
            version: Any = self._queue.client.hget(key, _VERSION)
            if version != self._version:
                fields: Any = self._queue.client.hgetall(key)
                self._take({name.decode(): value for name, value in fields.items()})
                self._version = version
        except exceptions.RedisError as error:
            raise scripts.translate(error) from error

    def covers(self, payload: bytes, accepted_ms: int) -> bool:
        """Tell whether an event with this payload, accepted at this moment, is of somebody who is forgotten."""
        if accepted_ms > self._latest:
            return False
        wire = wire_in(payload)
        dataset = str(wire.get("si", ""))
        return any(
            self._up_to.get(tombstone_of(name, value, self._secret, where), -1) >= accepted_ms
            for name, value in identities(wire)
            for where in {"", dataset}
        )

    def covers_message(self, message: Message) -> bool:
        """Tell whether a message is to be dropped instead of sent."""
        return (
            message.payload == STAND_IN or message.eid in self.eids or self.covers(message.payload, message.accepted_ms)
        )

    def sent_as(self, waiting: Waiting) -> Entry:
        """Give what the drain sends of an event: itself, or what stands in for one that is covered."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _LOOK_S
            self.refresh()
        if self.covers(waiting.entry.payload, waiting.stamp // 1_000_000):
            return replace(waiting.entry, lane="", payload=STAND_IN)
        return waiting.entry

    def _take(self, fields: Mapping[str, bytes]) -> None:
        check, strange = check_of(self._secret), 0
        self._up_to = {}
        for name, value in fields.items():
            if name.startswith(PERSON):
                at, _, made_with = value.decode().split(" ")
                self._up_to[name.removeprefix(PERSON)] = int(at)
                strange += made_with != check
        self._latest = max(self._up_to.values(), default=-1)
        self.eids = frozenset(name.removeprefix(EVENT) for name in fields if name.startswith(EVENT))
        if strange:
            logger.error(
                "%d people are to be forgotten under another LEADRELAY_LANE_SECRET than this process has: their events "
                "are not recognised here; set the same one everywhere",
                strange,
            )


def prune(queue: Queue) -> int:
    """Take away the tombstones whose time is over; gives how many. Errors as `scripts.run`."""
    key, now = queue.keys.forgotten, queue.now_ms()
    try:
        fields: Any = queue.client.hgetall(key)
        over = [name for name, value in fields.items() if name != _VERSION.encode() and int(value.split()[1]) < now]
        if over:
            queue.client.hdel(key, *over)
            queue.client.hincrby(key, _VERSION, 1)
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    return len(over)


def known(queue: Queue, fields: list[str]) -> list[int | None]:
    """Give up to when each of these tombstones covers, None for one that is not there. Errors as `scripts.run`."""
    try:
        values: Any = queue.client.hmget(queue.keys.forgotten, fields)
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    return [None if value is None else int(value.split()[0]) for value in values]


def write(queue: Queue, tombstones: Mapping[str, str], act: str = "") -> None:
    """Set tombstones, and record the act if one is given, in one step. Errors as `scripts.run`.

    Args:
        queue: Where.
        tombstones: Field and value.
        act: Entry of the audit, without its time: number, by, act and detail, with tabs between.
    """
    try:
        pipe = queue.client.pipeline(transaction=True)
        if tombstones:
            fields: dict[Any, Any] = {**tombstones}
            pipe.hset(queue.keys.forgotten, mapping=fields)
            pipe.hincrby(queue.keys.forgotten, _VERSION, 1)
        if act:
            pipe.lpush(queue.keys.name("audit"), f"{queue.now_ms()}\t{act}")
        pipe.execute()
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
