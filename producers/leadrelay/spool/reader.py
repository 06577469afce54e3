"""Reading: the events of all segments in one order."""

from __future__ import annotations

import heapq
import os
from collections import deque
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from leadrelay.spool.frame import MOST_BYTES, find, torn, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from leadrelay.entry import Entry
    from leadrelay.spool.folder import Folder

#: Bytes read at once from each segment.
_CHUNK = 2 * MOST_BYTES


class Waiting(NamedTuple):
    """An event in the spool: its stamp, its segment, where the next one begins there, and the event."""

    stamp: int
    segment: str
    end: int
    entry: Entry


def read(folder: Folder, name: str, start: int, damage: Callable[[str, int, int], None]) -> Generator[Waiting]:
    """Read one segment from `start`; an incomplete frame at its end was never acknowledged, or is being written.

    Raises:
        OSError: It cannot be read; one that is gone has no events.
    """
    try:
        handle = os.open(folder.segments / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        at = start
        while chunk := os.pread(handle, _CHUNK, at):
            used = 0
            while frame := unpack(chunk, used):
                used = frame.end
                yield Waiting(frame.stamp, name, at + used, frame.entry)
            if not used:
                used = _skip(chunk)
                if not used:
                    return
                damage(name, at, at + used)
            at += used
    finally:
        os.close(handle)


def _skip(chunk: bytes) -> int:
    """Give how many bytes to leave out of a chunk that begins with no frame; 0 when one may yet become of it."""
    found = find(chunk, 1)
    if found > 0:
        return found
    if len(chunk) == _CHUNK:
        return len(chunk) - MOST_BYTES
    return 0 if torn(chunk) else len(chunk)


def merged(
    folder: Folder, positions: Mapping[str, int], below: int, damage: Callable[[str, int, int], None]
) -> Iterator[Waiting]:
    """Read the events of all segments in order, those of stamps up to `below`.

    A segment is opened when its turn comes (its name says its first stamp), so that few are open at a time.

    Args:
        folder: The spool.
        positions: Where to begin in a segment, by name; default its beginning.
        below: The last stamp to give.
        damage: Told of bytes that are no event.
    """
    names = deque(folder.waiting())
    heads: list[tuple[Waiting, Generator[Waiting]]] = []

    def push(rest: Generator[Waiting]) -> None:
        try:
            head = next(rest, None)
        except PermissionError:  # another user's, in a home that is not shared: `status` tells of it
            return
        if head and head.stamp <= below:
            heapq.heappush(heads, (head, rest))
        else:
            rest.close()

    while names or heads:
        while names and (not heads or _first_stamp(names[0]) <= heads[0][0].stamp):
            name = names.popleft()
            push(read(folder, name, positions.get(name, 0), damage))
        if heads:
            head, rest = heapq.heappop(heads)
            yield head
            push(rest)


def ended(folder: Folder, name: str, at: int) -> bool:
    """Tell whether a segment holds no event from `at` on; raises OSError."""
    with closing(read(folder, name, at, lambda *_: None)) as rest:
        return next(rest, None) is None


def newest(folder: Folder) -> int:
    """Give the highest stamp in the spool, 0 when it is empty; of a segment that may not be read, its first."""
    found = 0
    for name in folder.waiting():
        found = max(found, _first_stamp(name))
        with suppress(PermissionError, FileNotFoundError):
            start = max(0, (folder.segments / name).stat().st_size - _CHUNK)
            with closing(read(folder, name, start, lambda *_: None)) as tail:
                found = max(found, *(waiting.stamp for waiting in tail), 0)
    return found


def _first_stamp(name: str) -> int:
    stamp = name.partition("-")[0]
    return int(stamp) if stamp.isdigit() else 0
