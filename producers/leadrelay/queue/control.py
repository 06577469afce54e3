"""The controller's side of the valve: being elected, reading what was counted, and deciding under a term.

One worker at a time is the controller, by a short lease in the broker. A term begins when another worker takes over;
what a former controller still writes carries the old one and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.queue.books import mapping
from leadrelay.queue.valve import change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from leadrelay.queue.core import Queue

#: Runs of rejections that are remembered, by dataset: there may be any number of wrong dataset ids.
MOST_RUNS = 1000
#: Seconds for which a controller stays without renewing; another takes over within this and a round of the upkeep.
CONTROLLER_LEASE_S = 3.0


@dataclass(frozen=True)
class Watch:
    """What the controller reads.

    Args:
        worker: Who it is.
        term: Its term.
        now_ms: Broker time.
        counted: Outcomes since they were last taken in, by field (see ``lua/settle.lua``).
        memory: What the last controller remembered, ``""`` for nothing.
        valve: The valve's hash.
        workers: All that hold a lease.
        only_scope: The one dataset of all that waits, None when there are several.
    """

    worker: str
    term: int
    now_ms: int
    counted: Mapping[str, str]
    memory: str
    valve: Mapping[str, str]
    workers: frozenset[str]
    only_scope: str | None


def elect(queue: Queue, worker: str, lease_s: float = CONTROLLER_LEASE_S) -> Watch | None:
    """Become or stay the controller; None while another worker is. Errors as `scripts.run`."""
    term, *rest = queue.run("elect", worker, int(lease_s * 1000))
    if not term:
        return None
    now, flow, valve, workers, only = rest
    counted = mapping(flow)
    del counted["controller"]
    return Watch(
        worker=worker,
        term=int(term),
        now_ms=int(now),
        memory=counted.pop("memory", ""),
        counted=counted,
        valve=mapping(valve),
        workers=frozenset(name.decode() for name in workers),
        only_scope=only.decode() if only not in (b"", b"*") else None,
    )


def decide(queue: Queue, watch: Watch, memory: str, changes: Iterable[tuple[object, ...]]) -> bool:
    """Change the valve, remember, and take in what was counted, in one step; False when the term has ended."""
    kept = _runs_kept(watch)
    seen = [("seen", field, value) for field, value in watch.counted.items() if field not in kept]
    remember = [("remember", memory)] if memory != watch.memory else []
    return change(queue, watch.worker, watch.term, [*changes, *remember, *seen])


def _runs_kept(watch: Watch) -> set[str]:
    """Give the runs of rejections that go on: those of workers that are there, and of a bounded number of datasets."""
    runs = [field for field in watch.counted if field.startswith("run:")]
    workers = [field for field in runs if field.startswith("run:@") and field[5:] in watch.workers]
    datasets = [field for field in runs if not field.startswith("run:@")]
    return {*workers, *datasets[:MOST_RUNS], "run:"}
