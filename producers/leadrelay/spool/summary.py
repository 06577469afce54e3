"""The spool at one moment, for `status`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from leadrelay.spool.journal import Journal
from leadrelay.spool.lost import lost
from leadrelay.spool.reader import read
from leadrelay.spool.stamps import now

if TYPE_CHECKING:
    from leadrelay.spool.folder import Folder


@dataclass(frozen=True)
class Summary:
    """What waits in one spool.

    Args:
        label: Of its broker and namespace.
        events: That wait.
        bytes: Of their segments, what was drained of them among it.
        oldest_s: Seconds since the oldest was accepted, None when none waits.
        lost: Events that could neither be queued nor spooled.
        unreadable: Segments that this user may not read.
        damaged: Files that were damaged, and are kept for a person to look at.
    """

    label: str
    events: int
    bytes: int
    oldest_s: float | None
    lost: int
    unreadable: int
    damaged: int

    def document(self) -> dict[str, Any]:
        """Give it for ``--json``."""
        return asdict(self)


def summary(folder: Folder) -> Summary:
    """Count what waits in a spool; raises OSError when the folder cannot be read."""
    done, events, unreadable = Journal(folder).done, 0, 0
    oldest: int | None = None
    for name in folder.waiting():
        try:
            for waiting in read(folder, name, done.get(name, 0), lambda *_: None):
                events += 1
                oldest = waiting.stamp if oldest is None else min(oldest, waiting.stamp)
        except PermissionError:
            unreadable += 1
    age = None if oldest is None else max(0.0, (now(folder) - oldest) / 1e9)
    kept = sum(1 for _ in folder.path.glob("*.damaged"))
    return Summary(folder.label, events, folder.size(), age, lost(folder)["events"], unreadable, kept)
