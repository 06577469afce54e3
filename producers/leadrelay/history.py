"""The history: one JSON line for each event that this home's workers delivered, gave up or dropped.

It answers "where was it" (`leadrelay trace`) and names possible doubles (`leadrelay report`). The books do not depend
on it: a worker that is killed loses the lines of its last moment, and other homes have their own. No identity is in it.

Files are ``<day, UTC>-<number>.jsonl`` in ``history/`` of the home. All workers of a home append to the same one, whole
lines at a time.
"""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as _text
from typing import TYPE_CHECKING

from leadrelay.home import ensure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

logger = logging.getLogger(__name__)

#: Bytes after which the next file is begun; also what a search reads at a time.
MOST_FILE_BYTES = 16_000_000
_UNKNOWN = '"unknown":'


@dataclass(frozen=True, slots=True)
class Ended:
    """How an event ended, by the clock of the worker's machine.

    Args:
        at_ms: When.
        eid: Event id.
        seq: Its number in the queue.
        title: As `label.shown_title` gives it.
        scope: Short hash of its dataset.
        attempts: Made since it was accepted or replayed.
        outcome: ``delivered``, ``dead`` or ``dropped``.
        reason: Of the last attempt, of its death or of its dropping.
        latency_ms: From acceptance to the end.
        worker: Name of the worker in the queue.
        history: Its last attempts, oldest first, when there were several.
        stale: It was sent after newer events of the same person.
    """

    at_ms: int
    eid: str
    seq: int
    title: str
    scope: str
    attempts: int
    outcome: str
    reason: str
    latency_ms: int
    worker: str
    history: tuple[str, ...] = ()
    stale: bool = False

    @property
    def unknown(self) -> int:
        """Earlier attempts of which nobody knows whether the endpoint has the event."""
        return sum("?" in entry for entry in self.history[:-1])

    def line(self) -> str:
        """Render as one line of JSON, without a line break."""
        more = f',"history":{json.dumps(self.history)}' if self.history else ""
        if self.history and self.unknown:
            more = f",{_UNKNOWN}{self.unknown}{more}"
        if self.stale:
            more = f',"stale":true{more}'
        return (
            f'{{"at":{self.at_ms},"eid":{_text(self.eid)},"seq":{self.seq},"title":{_text(self.title)},'
            f'"scope":"{self.scope}","attempts":{self.attempts},"outcome":"{self.outcome}",'
            f'"reason":{_text(self.reason)},"latency_ms":{self.latency_ms},"worker":{_text(self.worker)}{more}}}'
        )

    @classmethod
    def parse(cls, line: bytes) -> Ended | None:
        """Read a line; None when it is not a whole one (a full disk cut it)."""
        try:
            found = json.loads(line)
            return cls(
                found["at"], found["eid"], found["seq"], found["title"], found["scope"], found["attempts"],
                found["outcome"], found["reason"], found["latency_ms"], found["worker"],
                tuple(found.get("history", ())), found.get("stale", False),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError):
            return None


class HistoryFiles:
    """The history of one home.

    Args:
        home: Its folder.
        most_file_bytes: After which the next file is begun.
    """

    def __init__(self, home: Path, most_file_bytes: int = MOST_FILE_BYTES) -> None:
        """See the class; nothing is opened."""
        self.folder = home / "history"
        self._most = most_file_bytes
        self._day, self._number = "", 0

    def append(self, text: str) -> None:
        """Append whole lines; a disk that is full is reported, and the lines are lost."""
        day = datetime.now(UTC).strftime("%Y-%m-%d")
        if day != self._day:
            self._day, self._number = day, 0
        try:
            ensure(ensure(self.folder.parent) / self.folder.name)
            while not self._write(self.folder / f"{day}-{self._number:04}.jsonl", text.encode()):
                self._number += 1
        except OSError as error:
            logger.warning("the history cannot be written (%s): some events will not be traced", error.strerror)

    def _write(self, path: Path, data: bytes) -> bool:
        """Append to one file, opened each time, so that a pruned one is never written to; False when it is full."""
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(handle).st_size >= self._most:
                return False
            os.write(handle, data)
            return True
        finally:
            os.close(handle)

    def files(self) -> list[Path]:
        """Give all files, oldest first."""
        return sorted(self.folder.glob("????-??-??-*.jsonl"))

    def prune(self, days: int, most_bytes: int) -> int:
        """Remove files of days that are too old, and the oldest beyond a size; gives how many."""
        oldest = datetime.fromtimestamp(datetime.now(UTC).timestamp() - days * 86400, UTC).strftime("%Y-%m-%d")
        removed, kept = 0, 0
        for path in reversed(self.files()):
            try:
                kept += path.stat().st_size
                if path.name[:10] < oldest or kept > most_bytes:
                    path.unlink()
                    removed += 1
            except FileNotFoundError:  # another worker prunes too
                continue
            except OSError as error:
                logger.warning("the history cannot be pruned (%s)", error.strerror)
                break
        return removed

    def find(self, eid: str) -> list[Ended]:
        """Give all that is known of one event, oldest first."""
        return [ended for path in self.files() for ended in _matching(path, f'"eid":{_text(eid)}')]

    def latest(self, most_bytes: int = 200_000) -> list[Ended]:
        """Give the newest endings, as many as `most_bytes` hold (some 1,000), oldest first."""
        for path in reversed(self.files()):
            with suppress(FileNotFoundError), path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
                return [ended for line in file.read().splitlines() if (ended := Ended.parse(line))]
        return []

    def doubles(self, since_ms: int, until_ms: int) -> Iterator[Ended]:
        """Yield what was delivered after an attempt with an unknown result, of the events accepted in a time."""
        first = datetime.fromtimestamp(since_ms / 1000, UTC).strftime("%Y-%m-%d")
        for path in self.files():
            if path.name[:10] >= first:
                for ended in _matching(path, _UNKNOWN):
                    if ended.outcome == "delivered" and since_ms <= ended.at_ms - ended.latency_ms < until_ms:
                        yield ended


def _matching(path: Path, text: str) -> Iterator[Ended]:
    """Yield the lines with a text in them, without reading the others as JSON."""
    try:
        data, wanted = path.read_bytes(), text.encode()
    except FileNotFoundError:
        return
    at = data.find(wanted)
    while at >= 0:
        start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        end = len(data) if end < 0 else end
        ended = Ended.parse(data[start:end])
        if ended:
            yield ended
        at = data.find(wanted, end)
