"""The drill itself, step by step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import requests
from leadrelay.client import Client
from leadrelay.settings import Settings

from tests.chaos.drill import alerts
from tests.chaos.drill.alerts import Scraper
from tests.chaos.drill.plan import Step
from tests.chaos.imports import import_beside
from tests.chaos.measures import Watcher, caught_up
from tests.chaos.processes import Process, served, until
from tests.monitors import Monitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chaos.drill.operator import Operator
    from tests.chaos.drill.plan import Load, Plan
    from tests.chaos.run import Run

#: First serials of the events that arrive beside an outage, of rows, and of events that are rejected.
LIVE, IMPORTED, REJECTED = 10_000_000, 20_000_000, 30_000_000
#: Title of what is rejected, and as it should be.
WRONG, RIGHT = "invoice_payed", "invoice_paid"
#: Bytes of a picture at most.
PICTURE = 120_000


class Drill:
    """One drill.

    Args:
        run: Fresh; it ends what is started here.
        plan: What to do.
        pictures: Folder for pictures.
    """

    def __init__(self, run: Run, plan: Plan, pictures: Path) -> None:
        """Start everything but the browser."""
        self.run, self.plan, self.pictures = run, plan, pictures
        run.env |= {
            "LEADRELAY_MAX_RATE": str(plan.ceiling),
            "LEADRELAY_PROBE_S": "1",
            "LEADRELAY_PROBE_MAX_S": "4",
        }
        for _ in range(2):
            run.start_worker()
        exporter = Process(
            "exporter", [sys.executable, "-m", "leadrelay", "exporter", "--port", "0"], run.folder, run.env
        )
        run.beside.append(exporter)
        self.monitor = Monitor(run.folder, run.env)
        run.beside.append(self.monitor.process)
        self.scraper = Scraper(served(exporter, 0, ""), plan.minute_s)
        self.watcher = Watcher(run)
        self.tracked = self.down = 0

    def steps(self, operator: Operator) -> Iterator[Step]:
        """Do it, and say of each step what was seen."""
        self.scraper.start()
        self.watcher.start()
        try:
            yield self._flows(operator)
            for load in self.plan.loads:
                yield from self._outage(operator, load)
            yield from self._dead_letters(operator)
            yield from self._books(operator)
        finally:
            self.watcher.stop()
            self.scraper.stop()
        yield self._resolved()

    def _outage(self, operator: Operator, load: Load) -> Iterator[Step]:
        live = self.run.produce_beside("live", LIVE, rate=load.live) if load.live else None
        failed = self._fail(load)
        if load is self.plan.loads[0]:
            yield self._alert()
            yield from self._page(operator, failed)
        yield from self._drain(load)
        if live:
            live.kill()
            until(caught_up(self.run), "what arrived last is gone")

    def _track(self, events: int, seconds: float) -> None:
        """Let so many more events be tracked, over so many seconds."""
        self.tracked += events
        self.run.produce(self.tracked, users=self.plan.users, rate=events / seconds, batch=10)

    def _flows(self, operator: Operator) -> Step:
        self._track(self.plan.before, self.plan.before / self.plan.ceiling)
        until(lambda: self.run.books().delivered == self.plan.before, "events flow")
        told = operator.delivery("Events flow")
        return Step("all flows", f"{self.plan.before} delivered; {told.says!r}", told.says.startswith("Events flow"))

    # The endpoint fails ---------------------------------------------------------------------------------------------

    def _fail(self, load: Load) -> datetime:
        """Let the endpoint fail while events arrive; gives since when."""
        self.run.faults({"status": 503})
        failed = datetime.now(UTC)
        self.down = self.scraper.minute
        self._track(load.events, load.outage_s * 0.9)
        until(lambda: self.run.books().sending.state.startswith("breaker"), "the breaker opens")
        time.sleep(load.outage_s)
        return failed

    def _alert(self) -> Step:
        """Hold what was scraped until now against the rules."""
        states: list[str] = []

        def fires() -> bool:
            states[:] = alerts.states(dict(self.scraper.minutes), self.run.folder)
            return states[-1] == "firing"

        until(fires, "the alert fires", 120)
        figure = f"{alerts.told(states)}; the endpoint failed in minute {self.down} ({self._scale()})"
        calm = not any(states[: self.down])
        return Step(f"{alerts.ALERT} is pending, then fires, and not before", figure, calm and "pending" in states)

    def _scale(self) -> str:
        return f"a minute stands for {self.plan.minute_s:g} s"

    def _page(self, operator: Operator, failed: datetime) -> Iterator[Step]:
        told = operator.delivery("Events do not flow")
        yield Step("the page says that events do not flow, and why", repr(told.says), "503 for" in told.says)
        late = (told.since - failed).total_seconds() if told.since else None
        figure = f"{told.since:%H:%M:%S}, the endpoint failed at {failed:%H:%M:%S}" if told.since else "nothing"
        # The page shows whole seconds.
        yield Step(
            f"… since when, within {self.plan.since_s:g} s",
            figure,
            late is not None and -1 <= late <= self.plan.since_s,
        )
        yield Step("… for how long there is room", told.room, bool(re.search(r"\d (s|min|h|d)\b", told.room)))
        yield self._picture("delivery", operator.picture("delivery"))

    def _picture(self, name: str, size: int) -> Step:
        return Step(f"picture of {name}", f"{size / 1000:.0f} kB", size < PICTURE)

    # It is back -----------------------------------------------------------------------------------------------------

    def _drain(self, load: Load) -> Iterator[Step]:
        """Let the endpoint be well, and hold the estimates against how long it took."""
        until(lambda: not self.run.producer or not self.run.producer.alive, "all are tracked", 300)
        delivered = self.run.books().delivered
        self.run.faults()
        until(lambda: self.run.books().delivered > delivered, "the endpoint is tried again")
        begin = time.monotonic()
        if load.imported:
            import_beside(self.run, load.imported, IMPORTED)
        until(caught_up(self.run), "the backlog is gone", load.events / 5 + 120)
        end, sent = time.monotonic(), self.run.books().delivered - delivered
        speed = f"{sent / (end - begin):.0f}/s under a ceiling of {self.plan.ceiling:g}"
        yield Step(f"{load.name}: drained", f"{sent:,} in {end - begin:.1f} s, {speed}", True)
        for part, estimate, took in self.watcher.at_quarters(begin, end):
            yield self._estimate(f"{load.name}: estimate at {part:.0%}", estimate, took)

    def _estimate(self, name: str, estimate: float | None, took: float) -> Step:
        if estimate is None:
            return Step(name, f"none; it took {took:.1f} s", passed=False)
        wrong, within = (estimate - took) / took, self.plan.within
        figure = f"{estimate:.1f} s, it took {took:.1f} s ({wrong:+.0%})"
        return Step(name, figure, within is None or abs(wrong) <= within)

    # Dead letters ---------------------------------------------------------------------------------------------------

    def _dead_letters(self, operator: Operator) -> Iterator[Step]:
        """Let events be rejected, mend one, and replay all."""
        number = self.plan.rejected
        self.run.faults({"status": 422, "ti": WRONG})
        self._reject(number)
        until(lambda: self._rests() and self.run.books().dead == number, "they are dead letters, all else is delivered")
        delivered = self.run.books().delivered
        matching = operator.filter("rejected")
        yield Step("dead letters are filtered by reason", matching, matching == f"{number} dead letters match")
        eid = operator.mend(ti=RIGHT)
        yield Step("one is edited", f"{WRONG} is now {RIGHT}", passed=True)
        self.run.faults()
        operator.filter("rejected")
        asked = operator.replay(number)
        yield Step("all are replayed", f"{asked!r}, to the end", asked == f"Replay {number}?")
        yield self._picture("dead-letters", (self.pictures / "drill-dead-letters.png").stat().st_size)
        until(caught_up(self.run), "the replayed ones are gone")
        until(lambda: self.run.books().delivered == delivered + number, "the replayed ones are delivered")
        event = requests.get(f"{self.run.url}/_sandbox/events/{eid}", timeout=10).json()
        yield Step("… and delivered, the edited one as edited", f"{number} of {number}", RIGHT in json.dumps(event))

    def _rests(self) -> bool:
        books = self.run.books()
        return not (books.backlog or books.in_flight)

    def _reject(self, number: int) -> None:
        """Track events of which the endpoint rejects each third: a run of them alone would stop sending."""
        client = Client(Settings.load(self.run.env))
        serials = range(REJECTED, REJECTED + 3 * number)
        made = [
            client.make(RIGHT if one % 3 else WRONG, {"userId": f"customer-{one}", "serial": one}) for one in serials
        ]
        client.put(made)
        client.close()
        lines = (f"{serial} {event.eid}\n" for serial, event in zip(serials, made, strict=True))
        (self.run.folder / "accepted-rejected.txt").write_text("".join(lines))

    # The end --------------------------------------------------------------------------------------------------------

    def _books(self, operator: Operator) -> Iterator[Step]:
        verdict = self.run.verdict()
        figure = f"{verdict.accepted:,} tracked, {len(verdict.lost)} lost, {verdict.duplicates} came twice"
        yield Step("every event that was tracked has arrived", figure, not verdict.failures() and not verdict.dead)
        command = [sys.executable, "-m", "leadrelay", "verify"]
        done = subprocess.run(command, env={**os.environ, **self.run.env}, capture_output=True, text=True, check=False)
        yield Step("leadrelay verify", f"exit code {done.returncode}", done.returncode == 0)
        says = operator.ledger()
        yield Step("the ledger page", says.split(":")[0], says.startswith("Balanced"))
        yield self._picture("ledger", operator.picture("ledger"))

    def _resolved(self) -> Step:
        states = alerts.states(self.scraper.minutes, self.run.folder)
        return Step("the alert is resolved", alerts.told(states), "firing" in states and not states[-1])
