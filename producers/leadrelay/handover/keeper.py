"""The keeper: what a process does for its spool beside the calls, in a thread that lives while there is work.

Where no thread runs (uWSGI without `--enable-threads`) the same steps are done in calls, within their time.
"""

from __future__ import annotations

import importlib
import logging
import time
from threading import RLock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class Keeper:
    """Runs a step again and again until it has nothing to do.

    Args:
        step: Does what is due until the monotonic time it is given; gives the seconds until the next time, None for
            when `wake` is called again. Never raises.
        threads: Whether threads run here.
    """

    def __init__(self, step: Callable[[float], float | None], *, threads: bool) -> None:
        """See the class."""
        self._step, self.threads = step, threads
        self._lock = RLock()
        self._thread: Thread | None = None
        self._wanted = False
        self._due = 0.0

    def wake(self, end: float) -> None:
        """Have the step done soon; in this call, until the monotonic time `end`, where no thread runs."""
        if self.threads:
            with self._lock:
                self._wanted = True
                if not self.busy:
                    self._thread = self._started()
        if not self.threads and time.monotonic() >= self._due:
            wait = self._step(end)
            self._due = time.monotonic() + (wait or 0.0)

    @property
    def busy(self) -> bool:
        """Whether its thread has something to do."""
        return self._thread is not None and self._thread.is_alive()  # else something has ended it

    def _started(self) -> Thread | None:
        thread = Thread(target=self._run, name="leadrelay-keeper", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no thread may be started: at the end of the interpreter, or by a limit
            self.threads = False
            return None
        return thread

    def _run(self) -> None:
        while True:
            self._wanted = False
            wait = self._step(float("inf"))
            with self._lock:
                if wait is None and not self._wanted:
                    self._thread = None
                    return
            time.sleep(wait or 0.0)


def threads_run() -> bool:
    """Tell whether threads run while no call is under way: not in uWSGI unless it was told so."""
    try:
        options = importlib.import_module("uwsgi").opt
    except (ImportError, AttributeError):
        return True
    return any(_is_on(options, name) for name in ("threads", "enable-threads", "gevent", "asyncio"))


def _is_on(options: dict[object, object], name: str) -> bool:
    value = options.get(name, options.get(name.encode(), False))
    text = value.decode() if isinstance(value, bytes) else str(value)
    return text.lower() not in ("false", "off", "no", "0", "")
