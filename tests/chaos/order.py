"""Order under failure: workers of both pools, kills, an endpoint that fails, heads of lanes that never get through.

What must hold is read at the endpoint: of each user the events arrive, each for the first time, in the order in which
they were tracked, but for those whose attempt was logged as stale.
"""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

from tests.chaos.endpoint import mixed
from tests.chaos.processes import until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.chaos.oracle import Verdict

_POOLS = ("threads", "threads", "prefork")
#: One event in so many is refused for as long as the trouble lasts; of every user, so no multiple of their number.
_STUBBORN_EACH = 151
_STUBBORN = {"ti": "stubborn", "status": 503}
_FAULTS = ("503", "reset before acceptance", "reset after acceptance")
_STALE = re.compile(r"^event=attempt eid=(\w+) .* stale$", re.MULTILINE)
_LONGEST_S = 120.0
#: Rounds after which a head must have given way.
_MOST_ROUNDS = 1000


def order(folder: Path, kills: int, events: int, *, seed: int = 1) -> Verdict:
    """Let heads fail until they give way, while workers are killed; then let everything through."""
    chance = random.Random(seed)
    with Run(folder) as run:
        run.env |= {"LEADRELAY_LANE_PATIENCE": "1s", "LEADRELAY_PROBE_S": "0.2", "LEADRELAY_PROBE_MAX_S": "1"}
        workers = [run.start_worker(pool) for pool in _POOLS]
        run.done["workers at once"] = len(_POOLS)
        run.faults(_STUBBORN, *mixed(0.15, _FAULTS), {"delay_s": 0.003})
        producing = run.produce(events, stubborn=_STUBBORN_EACH, rate=600)
        while run.done["kills"] < kills or producing.alive or not _gave_way(run):
            if producing.alive:
                run.flows(events // (10 * kills), _LONGEST_S)
            run.hurry()
            time.sleep(chance.random() * 0.3)
            if run.done["kills"] < kills:
                until(lambda: run.in_flight() or run.idle(), "events are in flight", _LONGEST_S)
                number = chance.randrange(len(workers))
                run.kill_worker(workers[number])
                workers[number] = run.start_worker(_POOLS[number])
            run.expire_leases()
            run.did("rounds")
        run.faults(*mixed(0.15, _FAULTS))
        run.flows(100, _LONGEST_S)
        run.faults()
        run.drain(300, hurry=True)
        stale = told_stale(process.log for process in run.workers)
        return run.verdict(stale=frozenset(stale), ordered=True, gave_way=run.books().gave_way, late_sends=len(stale))


def _gave_way(run: Run) -> bool:
    """Whether a head gave way; it does after some rounds, and a run in which none does shows nothing."""
    if run.done["rounds"] > _MOST_ROUNDS:
        raise AssertionError("no head gave way")
    return run.books().gave_way > 0


def told_stale(logs: Iterable[Path]) -> set[str]:
    """Give the eids of which workers logged a stale attempt."""
    return {eid for log in logs for eid in _STALE.findall(log.read_text("utf-8", "replace"))}
