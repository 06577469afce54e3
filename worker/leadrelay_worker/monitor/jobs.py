"""Jobs: long work in threads, which tells how far it is and can be told to stop."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from leadrelay.errors import LeadrelayError

from leadrelay_worker.monitor.failures import log_failure

if TYPE_CHECKING:
    from collections.abc import Callable

#: Jobs that run at a time; each reads or moves as fast as the broker allows.
MOST_RUNNING = 4
#: Jobs that are remembered.
MOST_KEPT = 50


class Busy(Exception):
    """There is no room for another job, or the same one runs already; the message says which."""


class Stopped(Exception):
    """A job ends where it stands, because it was told to."""


@dataclass
class Job:
    """One piece of work.

    Args:
        kind: ``replay``, ``drop``, ``recount``, ``trace`` or ``search``.
        name: What it is about, without personal data; only one job of a kind and a name runs at a time.
        by: Who began it.
        id: New for each.
        state: ``running``, ``done``, ``stopped`` or ``failed``.
        progress: What it told last.
        result: What it gave.
        error: Why it failed.
        began: Monotonic time of its beginning.
        ended: Of its end.
    """

    kind: str
    name: str
    by: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: str = "running"
    progress: dict[str, Any] = field(default_factory=dict)
    result: Any = None
    error: str = ""
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    _stopping: Event = field(default_factory=Event)

    def tell(self, **progress: Any) -> None:
        """Say how far it is."""
        self.progress = progress

    def step(self, **progress: Any) -> None:
        """Say how far it is; raises Stopped when it is to end here."""
        self.tell(**progress)
        if self.stopping:
            raise Stopped

    def wait(self, seconds: float) -> bool:
        """Sleep, less when it is told to stop; gives whether it is."""
        return self._stopping.wait(seconds)

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Tell it to stop at its next step."""
        self._stopping.set()

    def document(self) -> dict[str, Any]:
        """Describe it in JSON."""
        names = ("id", "kind", "name", "by", "state", "progress", "result", "error", "stopping")
        seconds = (self.ended or time.monotonic()) - self.began
        return {**{name: getattr(self, name) for name in names}, "seconds": round(seconds, 1)}


class Jobs:
    """The jobs of this process; begun and asked from the event loop, run in threads."""

    def __init__(self) -> None:
        """Start without any."""
        self._pool = ThreadPoolExecutor(MOST_RUNNING, "job")
        self._jobs: dict[str, Job] = {}
        self._lock = Lock()

    def start(self, kind: str, name: str, by: str, work: Callable[[Job], Any], *, join: bool = False) -> Job:
        """Begin a job.

        Args:
            kind: As in `Job`.
            name: As in `Job`.
            by: As in `Job`.
            work: Gets the job, tells it how far it is, gives the result; it has stopped when it was told to.
            join: Give the same one if it runs already: it only reads.

        Raises:
            Busy: Nothing was begun.
        """
        with self._lock:
            running = [job for job in self._jobs.values() if job.state == "running"]
            same = next((job for job in running if (job.kind, job.name) == (kind, name)), None)
            if same and join:
                return same
            if same:
                raise Busy(f"the same {kind} runs already")
            if len(running) >= MOST_RUNNING:
                raise Busy(f"{len(running)} jobs run already: wait for one, or cancel it")
            job = Job(kind, name, by)
            self._jobs[job.id] = job
            self._forget()
        self._pool.submit(self._run, job, work)
        return job

    def get(self, job_id: str) -> Job | None:
        """Find one; None when it is forgotten."""
        return self._jobs.get(job_id)

    def of(self, *kinds: str) -> list[Job]:
        """Give those of some kinds, the latest first."""
        return [job for job in reversed(list(self._jobs.values())) if job.kind in kinds]

    def stop(self) -> None:
        """Tell all to stop, and wait until they have."""
        for job in list(self._jobs.values()):
            job.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        state = "failed"
        try:
            job.result = work(job)
            state = "stopped" if job.stopping else "done"
        except Stopped:
            state = "stopped"
        except LeadrelayError as error:
            job.error = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page must hear of it
            log_failure(f"a {job.kind}", error)
            job.error = f"it failed ({type(error).__name__}); see the monitor's log"
        job.ended, job.state = time.monotonic(), state

    def _forget(self) -> None:
        ended = [job for job in self._jobs.values() if job.state != "running"]
        for job in ended[: max(0, len(self._jobs) - MOST_KEPT)]:
            del self._jobs[job.id]
