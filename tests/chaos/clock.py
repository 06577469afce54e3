"""A broker whose clock is set while it runs: libfaketime under the server's process, its offset read from a file."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.processes import Broker, Unavailable, until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from tests.chaos.oracle import Verdict
    from tests.chaos.processes import Process


#: Seconds by which a busy worker may misjudge how far a clock was set.
_INEXACT_S = 10
#: So many that retries do not block every lane.
_USERS = 2000


def library() -> Path | None:
    """Find libfaketime (Debian's package of that name), None when this machine has none."""
    places = ("/usr/lib/*/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
    return next((path for place in places for path in Path("/").glob(f"{place[1:]}/libfaketimeMT.so.1")), None)


class SetClock:
    """A broker with a clock that can be set."""

    def __init__(self, folder: Path) -> None:
        """Start it, its clock right."""
        found = library()
        if found is None:
            raise Unavailable("there is no libfaketime (Debian: faketime)")
        self._file = folder / "clock"
        self._offset = 0
        self.set_by(0)
        env = {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.broker = Broker(folder, env=env)

    def set_by(self, seconds: int) -> None:
        """Set the clock, forwards or back."""
        self._offset += seconds
        new = self._file.with_suffix(".new")
        new.write_text(f"{self._offset:+d}")
        new.replace(self._file)


def jumps(folder: Path, by_s: tuple[int, ...], events: int) -> Verdict:
    """Set the broker's clock under load, with retries scheduled: nothing is rescued from the living or expires."""
    clock = SetClock(folder)
    with Run(folder, broker=clock.broker) as run:
        workers = [run.start_worker(), run.start_worker()]
        run.done["workers at once"] = len(workers)
        run.produce(events, rate=500, users=_USERS)
        for seconds in by_s:
            run.faults({"status": 503, "share": 0.1}, {"delay_s": 0.05})
            run.flows(100)
            until(run.in_flight, "events are in flight")
            clock.set_by(seconds)
            run.did("jumps")
            until(lambda by=seconds: any(_says(process, by) for process in workers), "a worker logs it")
            run.faults({"delay_s": 0.05})
            run.flows(100)
            time.sleep(1)
        run.faults()
        run.drain(240, hurry=True)
        return run.verdict(rescued=run.books().rescued)


def _says(process: Process, seconds: int) -> bool:
    said = re.findall(r"clock was set by ([+-]\d+) s", process.log.read_text("utf-8", "replace"))
    return any(abs(int(by) - seconds) < _INEXACT_S for by in said)
