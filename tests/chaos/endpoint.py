"""An endpoint that fails in every way that one event at a time can see; whole outages are another matter."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from tests.chaos.oracle import Verdict

#: Faults by name, each one rule of the sandbox (`leadrelay_sandbox.faults.Rule`).
FAULTS: dict[str, dict[str, Any]] = {
    "503": {"status": 503},
    "reset before acceptance": {"drop": "before"},
    "reset after acceptance": {"drop": "after"},
    "429 with Retry-After": {"status": 429, "retry_after": 1},
    "503 with Retry-After": {"status": 503, "retry_after": 1},
    "an HTML page with 200": {"body": "<html><title>Parked</title></html>"},
    "an HTML page with 404": {"status": 404, "body": "<html>Not here</html>"},
    "another event's id": {"body": "f" * 32},
    "slow, in time": {"delay_s": 6.0},
    "too slow": {"delay_s": 9.0},
}


def mixed(share: float, names: Collection[str] = tuple(FAULTS)) -> list[dict[str, Any]]:
    """Give rules that together hit a share of the requests, each as many (the first rule that matches hits)."""
    return [{**FAULTS[name], "share": share * number / len(names)} for number, name in enumerate(names, 1)]


def bursts(
    folder: Path,
    events: int,
    length_s: float = 1.0,
    share: float = 0.5,
    *,
    names: Collection[str] = tuple(FAULTS),
    seed: int = 1,
) -> Verdict:
    """Let each fault hit a share of the requests for a while, one after another in random order, then all at once."""
    chance = random.Random(seed)
    with Run(folder) as run:
        run.start_worker()
        run.produce(events, rate=500)
        for name in chance.sample(sorted(names), len(names)):
            run.flows(20)
            run.faults({**FAULTS[name], "share": share})
            time.sleep(length_s)
            run.faults()
            run.hurry()
            run.did("bursts")
        run.flows(20)
        run.faults(*mixed(share, names))
        run.flows(100)
        run.faults()
        run.drain(240, hurry=True)
        return run.verdict()
