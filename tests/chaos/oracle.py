"""The judge: every serial that was accepted must be at the sandbox, dead or waiting, under one eid."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from leadrelay.queue.verify import recount, waiting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from leadrelay.queue import Queue


@dataclass
class Verdict:
    """What became of the accepted events, and what had been done to them."""

    accepted: int
    delivered: int
    waiting: int
    dead: int
    duplicates: int
    lost: list[int] = field(default_factory=list)
    two_eids: list[int] = field(default_factory=list)
    out_of_order: int = 0
    findings: list[str] = field(default_factory=list)
    most_duplicates: int | None = None
    said: list[str] = field(default_factory=list)
    done: Mapping[str, int] = field(default_factory=dict)
    ordered: bool = False

    @property
    def said_lost(self) -> int:
        """How many, at most, `verify` said that the broker lost."""
        return sum(int(re.findall(r"at most (\d+)", line)[0]) for line in self.said)

    def failures(self) -> list[str]:
        """Say what must not be."""
        wrong = {
            f"{len(self.lost)} lost, {self.said_lost} said by verify": len(self.lost) > self.said_lost,
            f"{len(self.two_eids)} under two eids": bool(self.two_eids),
            f"{self.waiting} still wait": self.waiting > 0,
            f"{self.out_of_order} out of order and not flagged stale": self.ordered and self.out_of_order > 0,
            f"{self.duplicates} duplicates, at most {self.most_duplicates} are explained": self._too_many(),
        }
        return [*(text for text, is_so in wrong.items() if is_so), *self.findings]

    def _too_many(self) -> bool:
        return self.most_duplicates is not None and self.duplicates > self.most_duplicates

    def document(self) -> dict[str, Any]:
        """Give the figures for ``--json``."""
        figures = asdict(self)
        return figures | {
            "lost": len(self.lost),
            "two_eids": len(self.two_eids),
            "said_lost": self.said_lost,
            "failures": self.failures(),
        }

    def row(self) -> str:
        """Give the figures in one line."""
        done = "".join(f"{name} {number}  " for name, number in self.done.items() if number)
        bound = "" if self.most_duplicates is None else f" (at most {self.most_duplicates})"
        said = f" (verify said at most {self.said_lost})" if self.said else ""
        return (
            f"{done}accepted {self.accepted}  delivered {self.delivered}  dead {self.dead}  duplicates "
            f"{self.duplicates}{bound}  lost {len(self.lost)}{said}  out of order {self.out_of_order}"
        )


def read_accepted(path: Path) -> dict[int, str]:
    """Read serial -> eid as the producer wrote them."""
    pairs = (line.split() for line in path.read_text().splitlines())
    return {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2}


def read_arrived(store: Path) -> list[tuple[int, str, str]]:
    """Read (serial, eid, user) in order of arrival from the sandbox's store, running or killed."""
    rows = read_events(store)
    return [(int(params["serial"]), eid, params.get("userId") or params.get("email", "")) for eid, params in rows]


def read_events(store: Path) -> list[tuple[str, dict[str, str]]]:
    """Read (eid, parameters) in order of arrival from the sandbox's store, running or killed."""
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    rows = database.execute("SELECT eid, params FROM events ORDER BY idx").fetchall()
    database.close()
    return [(eid, json.loads(params)) for eid, params in rows]


def judge(
    accepted: dict[int, str],
    arrived: list[tuple[int, str, str]],
    queue: Queue | None,
    stale: frozenset[str] = frozenset(),
) -> Verdict:
    """Hold what was accepted against what arrived and what the queue holds; `stale` eids may come out of order."""
    in_queue = {state: set(eids) for state, eids in waiting(queue).items()} if queue else {}
    dead = in_queue.pop("dead", set())
    still = set().union(*in_queue.values()) if in_queue else set()
    eids: dict[int, set[str]] = {}
    for serial, eid, _ in arrived:
        eids.setdefault(serial, set()).add(eid)
    for serial, eid in accepted.items():
        eids.setdefault(serial, set()).add(eid)
    seen = {serial for serial, _, _ in arrived}
    lost = [s for s, eid in accepted.items() if s not in seen and eid not in still and eid not in dead]
    return Verdict(
        accepted=len(accepted),
        delivered=len(seen),
        waiting=len(still),
        dead=len(dead),
        duplicates=sum(number - 1 for number in Counter(eid for _, eid, _ in arrived).values()),
        lost=lost,
        two_eids=[serial for serial, ids in eids.items() if len(ids) > 1],
        out_of_order=first_arrivals_out_of_order([one for one in arrived if one[1] not in stale]),
        findings=recount(queue).findings if queue else [],
    )


def first_arrivals_out_of_order(arrived: list[tuple[int, str, str]]) -> int:
    """Count events whose first arrival came after a later one of the same user."""
    highest: dict[str, int] = {}
    met: set[int] = set()
    wrong = 0
    for serial, _, user in arrived:
        if serial in met:
            continue
        met.add(serial)
        wrong += serial < highest.get(user, 0)
        highest[user] = max(serial, highest.get(user, 0))
    return wrong
