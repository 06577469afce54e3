"""Connections that are cut, half-open, slow, or reset in the middle of a reply."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from tests.chaos.processes import until
from tests.chaos.proxy import Link
from tests.chaos.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chaos.oracle import Verdict

#: Seconds until a worker behind a half-open connection to the broker delivers again.
_LONGEST_S = 120.0


def cuts(folder: Path, number: int, events: int, *, seed: int = 1) -> Verdict:
    """Reset every connection of a link (producer to broker, worker to broker, worker to endpoint), at random."""
    chance = random.Random(seed)
    with _running(folder, events, rate=1000) as run:
        for _ in range(number):
            run.flows()
            time.sleep(chance.random() * 0.2)
            run.links[chance.choice(sorted(run.links))].cut()
            run.did("cuts")
        run.drain(240, hurry=True)
        return run.verdict()


def lost_replies(folder: Path, number: int, events: int, share: float = 0.02) -> Verdict:
    """Reset connections in the middle of so many replies: of enqueue, of settle and claim, of the endpoint; of all."""
    with _running(folder, events, rate=1000) as run:
        for links in (*([link] for link in run.links.values()), list(run.links.values())):
            before = {link: link.lost_replies for link in links}
            for link in links:
                link.link = Link(reset_share=share)
            until(lambda was=before: all(link.lost_replies >= was[link] + number for link in was), "replies are lost")
            for link in links:
                link.link = Link()
            run.flows(100, _LONGEST_S)
        run.drain(240, hurry=True)
        return run.verdict(**{f"lost replies, {name}": link.lost_replies for name, link in run.links.items()})


def half_open(folder: Path, events: int) -> Verdict:
    """Swallow one direction of every open connection of a link, for ever: only new connections work."""
    with _running(folder, events, rate=300) as run:
        for name in ("producer", "worker", "endpoint"):
            for direction in ("up", "down"):
                run.flows()
                run.links[name].half_open(direction)  # type: ignore[arg-type]
                run.did("half-open")
                run.flows(100, _LONGEST_S)
        run.drain(240, hurry=True)
        return run.verdict()


def slow(folder: Path, events: int) -> Verdict:
    """Delay each link, then let the endpoint's answers trickle: too slowly for the deadline of 8 s, then in time."""
    with _running(folder, events, rate=300) as run:
        for link in run.links.values():
            link.link = Link(delay_s=0.1)
        run.flows(200, _LONGEST_S)
        for link in run.links.values():
            link.link = Link()
        for bytes_per_s in (10, 100):
            unheard = run.stats()["accepted"]
            run.links["endpoint"].link = Link(bytes_per_s=bytes_per_s)
            time.sleep(10)
            run.links["endpoint"].link = Link()
            run.lost_answers += run.stats()["accepted"] - unheard
            run.did("trickles")
            run.flows(100, _LONGEST_S)
        run.drain(240, hurry=True)
        return run.verdict()


def _running(folder: Path, events: int, rate: float) -> Run:
    run = Run(folder, links=True)
    run.start_worker()
    run.produce(events, rate=rate)
    return run
