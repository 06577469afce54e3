"""Every scenario by name: `make chaos`, and with ``--long`` the one that takes its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from leadrelay.failpoints import NAMES

from tests.chaos import brokers, clock, crashes, disk, endpoint, imports, links, order, plain
from tests.chaos import django_app as django
from tests.chaos.outage import Plan, outage
from tests.chaos.storm import storm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.chaos.imports import ImportVerdict
    from tests.chaos.oracle import Verdict


@dataclass(frozen=True)
class Scenario:
    """One scenario.

    Args:
        name: For people and ``--only``.
        act: Called with a folder and `options`.
        options: Its size.
        seeded: Whether it takes a seed.
        promised: Whether it must lose nothing; plain Celery only stands beside.
    """

    name: str
    act: Callable[..., Verdict | ImportVerdict]
    options: dict[str, Any]
    seeded: bool = False
    promised: bool = True


def _outage(folder: Path, events: int) -> Verdict:
    outcome = outage(folder, Plan(events=events))
    outcome.verdict.findings += outcome.failures()
    return outcome.verdict


def _django(folder: Path, events: int, threads: int) -> Verdict:
    return django.django_app(folder, django.Plan(events=events, threads=threads)).verdict


def scenarios(*, long: bool, log: Path | None = None) -> list[Scenario]:
    """Give the scenarios, in order.

    Args:
        long: Only the long run.
        log: A combined log that is imported under kills too.
    """
    return _long() if long else _short(log)


#: The long run, once for each fsync mode.
LONG = {"kills": 300, "restarts": 30, "events": 200_000}


def _long() -> list[Scenario]:
    """Give the kills and restarts that take their time, and plain Celery beside them (fewer events: it is slower)."""
    return [
        *(
            Scenario(f"long run, fsync {fsync}", crashes.kills_and_restarts, {**LONG, "fsync": fsync}, seeded=True)
            for fsync in ("always", "everysec")
        ),
        Scenario(
            "plain Celery, fsync always", plain.random_kills, {**LONG, "events": 60_000}, seeded=True, promised=False
        ),
    ]


_STORM = {"kills": 40, "restarts": 4, "events": 15_000}


def _short(log: Path | None) -> list[Scenario]:
    return [
        *(Scenario(f"killed at {name}", crashes.at_failpoint, {"name": name}) for name in NAMES),
        *(
            Scenario(f"kills, {pool}", crashes.random_kills, {"kills": 30, "events": 30_000, "pool": pool}, seeded=True)
            for pool in ("threads", "prefork")
        ),
        Scenario(
            "kills, 3 workers at once",
            crashes.random_kills,
            {"kills": 30, "events": 30_000, "workers": 3},
            seeded=True,
        ),
        Scenario("prefork children", crashes.children, {"kills": 20, "stops": 4, "events": 20_000}, seeded=True),
        Scenario("stopped past the lease", crashes.stopped_past_lease, {"stops": 5}),
        *(
            Scenario(
                f"broker restarts, fsync {fsync}",
                brokers.restarts,
                {"number": 8, "events": 12_000, "fsync": fsync},
                seeded=True,
            )
            for fsync in ("always", "everysec")
        ),
        Scenario(
            "broker killed with an fsync under way, everysec", brokers.slow_fsync, {"number": 3, "events": 12_000}
        ),
        Scenario(
            "broker killed on a slow disk, always", brokers.slow_disk, {"number": 3, "events": 8_000}, seeded=True
        ),
        Scenario("broker hung for 7 s and 40 s", brokers.hangs, {"seconds": (7.0, 40.0), "events": 12_000}),
        Scenario("broker full", brokers.full_memory, {}),
        *(
            Scenario(f"Django app loses its broker, {kind}", _django, {"events": 12_000, "threads": threads})
            for kind, threads in (("sync", 1), ("gthread", 8))
        ),
        *(
            Scenario(f"disk full ({kind}), fsync {fsync}", disk.full, {"kind": kind, "fsync": fsync})
            for kind in disk.DISKS
            for fsync in ("everysec", "always")
        ),
        Scenario("clock set", clock.jumps, {"by_s": (3600, -3600, 30 * 86400, -30 * 86400), "events": 10_000}),
        Scenario("kills of an import", imports.killed_table, {"rows": 20_000, "kills": 5}),
        *([Scenario("kills of an import, a log", imports.killed_log, {"path": log, "kills": 5})] if log else []),
        Scenario("connections cut", links.cuts, {"number": 30, "events": 15_000}, seeded=True),
        Scenario("replies lost", links.lost_replies, {"number": 20, "events": 20_000}),
        Scenario("connections half-open", links.half_open, {"events": 15_000}),
        Scenario("links slow", links.slow, {"events": 8_000}),
        Scenario("endpoint down for a minute", _outage, {"events": 40_000}),
        Scenario("endpoint at fault", endpoint.bursts, {"events": 8_000}, seeded=True),
        Scenario(
            "order, failing heads and kills",
            order.order,
            {"kills": 20, "events": 20_000},
            seeded=True,
        ),
        *(
            Scenario(f"storm, fsync {fsync}", storm, {**_STORM, "fsync": fsync}, seeded=True)
            for fsync in ("always", "everysec")
        ),
        Scenario(
            "plain Celery, kills and broker restarts",
            plain.random_kills,
            {"kills": 30, "restarts": 8, "events": 15_000},
            seeded=True,
            promised=False,
        ),
    ]
