"""Opening the link to the broker beside the calls: loading redis-py, looking up names and connecting take time."""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401 - has handlers of forks too: they must be there before one waits for ours
import os
import time
from threading import RLock, Thread
from typing import TYPE_CHECKING, NamedTuple

from leadrelay.errors import BrokerUnavailable

if TYPE_CHECKING:
    from leadrelay.handover.link import Link
    from leadrelay.handover.sender import Sender
    from leadrelay.settings import Settings


#: Held while redis-py is loaded. A fork waits for it: what a thread of its parent has half loaded stays so in a child.
_loading = RLock()
os.register_at_fork(before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release)


class Opened(NamedTuple):
    """An open link: the broker's URL, the connections, and what sends over them."""

    url: str
    link: Link
    sender: Sender


class Door:
    """Gives the sender to the broker once it is connected.

    Args:
        settings: This process's.
        threads: Whether threads run here; else it is opened in the call.
    """

    def __init__(self, settings: Settings, *, threads: bool) -> None:
        """See the class."""
        self._settings, self._threads = settings, threads
        self._lock = RLock()
        self._opening: Thread | None = None
        self._failure: Exception | None = None
        self.opened: Opened | None = None

    def sender(self, end: float) -> Sender:
        """Give the sender, its calls bounded by the monotonic time `end`.

        Raises:
            BrokerUnavailable: It is not connected by then.
            Exception: Why opening failed.
        """
        opened = self.opened or self._wait(end)
        opened.link.until(end)
        return opened.sender

    def flush(self) -> None:
        """Write the witness; at the end of a process."""
        if self.opened and self.opened.sender.queue.witness:
            self.opened.sender.queue.witness.flush()

    def begin(self) -> Thread:
        """Begin to open it, unless that is under way."""
        with self._lock:
            if self._opening is None or not self._opening.is_alive():
                self._failure = None
                self._opening = Thread(target=self._connect, name="leadrelay-open", daemon=True)
                self._opening.start()
            return self._opening

    def _wait(self, end: float) -> Opened:
        if self._threads:
            self.begin().join(max(0.0, end - time.monotonic()))
        else:
            self._connect()
        if self.opened:
            return self.opened
        raise self._failure or BrokerUnavailable("the broker is not connected yet")

    def _connect(self) -> None:
        try:
            with _loading:
                from leadrelay import broker  # noqa: PLC0415 - loads redis, which the import of leadrelay must not
                from leadrelay.handover.link import Link  # noqa: PLC0415 - as above
                from leadrelay.handover.sender import Sender  # noqa: PLC0415 - as above
                from leadrelay.queue.core import Queue  # noqa: PLC0415 - as above
                from leadrelay.spool import drain as drain  # noqa: PLC0415, PLC0414 - the keeper's; loaded with the others

            url = broker.url_of(self._settings, start=False)
            link = Link(url, threads=self._threads)
            sender = Sender(Queue(link, self._settings.namespace, broker.witness_of(self._settings)))
            sender.offset()
            self.opened = Opened(url, link, sender)
        except Exception as error:  # noqa: BLE001 - told to whoever asks for the sender
            self._failure = error
