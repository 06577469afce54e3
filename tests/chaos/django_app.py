"""A Django application under load, by gunicorn, while its broker is killed, hangs and is full.

It is `examples/django_shop`; each request tracks five events. By hand: ``python -m tests.chaos.django_app``; the short
form is in `test_django_app`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shlex
import signal
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.chaos.oracle import judge, read_events
from tests.chaos.processes import Process, free_port, until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.chaos.oracle import Verdict

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
#: Events that one request of the example tracks.
EACH = 5
#: ms by which a fault may slow the 99th percentile of requests.
MOST_SLOWER_MS = 60.0


@dataclass(frozen=True)
class Plan:
    """What to do.

    Args:
        events: How many are tracked; five a request.
        rate: Requests a second, so that the machine is not the limit.
        clients: Connections that they come over; each has users of its own, whose requests follow each other.
        users: Of each client.
        processes: Of gunicorn.
        threads: Of each process; 1 for its sync worker, more for gthread.
        faults: What happens to the broker, in this order.
        fsync: Of the broker.
        server: What serves the application instead of gunicorn; `{port}` is the port.
        drain: Let `leadrelay drain` empty the spool at the end: a server without threads does so only while it serves.
    """

    events: int = 50_000
    rate: float = 60.0
    clients: int = 8
    users: int = 20
    processes: int = 4
    threads: int = 1
    faults: tuple[str, ...] = ("killed", "hung", "full")
    fsync: str = "always"
    server: tuple[str, ...] = ()
    drain: bool = False

    @property
    def requests(self) -> int:
        """How many requests are made."""
        return self.events // EACH


@dataclass
class Outcome:
    """What became of it.

    Args:
        verdict: The judge's word, also on errors and slow requests.
        latency_ms: By phase of the run (`cold`, `well`, each fault, `back`): requests, and percentiles 50, 99 and 100.
        drained_s: Seconds from the last request until the last event had arrived.
    """

    verdict: Verdict
    latency_ms: dict[str, tuple[int, float, float, float]]
    drained_s: float

    def row(self) -> str:
        """Give the figures in one line."""
        phases = "; ".join(
            f"{name}: {number} requests, p50 {p50:.0f}, p99 {p99:.0f}, max {most:.0f} ms"
            for name, (number, p50, p99, most) in self.latency_ms.items()
        )
        return f"{self.verdict.row()}; {phases}; all arrived {self.drained_s:.1f} s after the last request"


@dataclass
class Load(threading.Thread):
    """Clients that order, each at its pace, and write down what they were answered.

    Args:
        port: Of the application.
        plan: See there.
        latencies: Seconds of each request, by phase.
        accepted: Serial number of an event -> its id.
        errors: Answers that were none.
    """

    port: int
    plan: Plan
    latencies: dict[str, list[float]] = field(default_factory=dict)
    accepted: dict[int, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    phase: str = "cold"

    def __post_init__(self) -> None:
        """Prepare the thread that waits for all clients."""
        super().__init__(daemon=True)
        self._numbers = count(1)
        self._lock = threading.Lock()
        self.made = 0

    def __hash__(self) -> int:
        """Be itself, as threads are."""
        return id(self)

    def run(self) -> None:
        """Let the clients do their work."""
        clients = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(self.plan.clients)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        pause = self.plan.clients / self.plan.rate
        due = time.monotonic() + pause * number / self.plan.clients
        while (order := self._next()) <= self.plan.requests:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + pause, time.monotonic())
            self._order(connection, order, f"user-{number}-{order % self.plan.users}")

    def _next(self) -> int:
        with self._lock:
            return next(self._numbers)

    def _order(self, connection: http.client.HTTPConnection, order: int, user: str) -> None:
        phase, began = self.phase, time.monotonic()
        try:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/orders/{order}", urlencode({"user": user}), form)
            reply = connection.getresponse()
            body = reply.read()
            eids = json.loads(body)["events"] if reply.status == 200 else []
        except (OSError, ValueError, http.client.HTTPException) as error:
            connection.close()
            self.errors.append(repr(error))
            return
        took = time.monotonic() - began
        with self._lock:
            self.made += 1
            self.latencies.setdefault(phase, []).append(took)
            self.accepted |= {order * EACH + line: eid for line, eid in enumerate(eids)}
            if len(eids) != EACH:
                self.errors.append(f"status {reply.status}")


def shop(folder: Path, env: dict[str, str], plan: Plan) -> tuple[Process, int]:
    """Start the application, and give it with its port."""
    port = free_port()
    gunicorn = ["-m", "gunicorn", "--workers", str(plan.processes), "--threads", str(plan.threads)]
    command = [sys.executable, *gunicorn, "--bind", f"127.0.0.1:{port}", "--log-level", "warning", "shop.wsgi"]
    if plan.server:
        command = [part.format(port=port) for part in plan.server]
    process = Process("shop", command, folder, {**env, "PYTHONPATH": str(EXAMPLES / "django_shop")})
    until(lambda: _serves(process, port), "the shop serves")
    return process, port


def _serves(process: Process, port: int) -> bool:
    assert process.alive, process.tail()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/missing")
        return connection.getresponse().status == 404
    except OSError:
        return False
    finally:
        connection.close()


@contextmanager
def killed(run: Run) -> Iterator[None]:
    """SIGKILL the broker and start it again on its append-only file."""
    run.broker.kill()
    yield
    run.broker.start()
    run.did("restarts")


@contextmanager
def hung(run: Run) -> Iterator[None]:
    """SIGSTOP the broker."""
    run.broker.process.signal(signal.SIGSTOP)
    yield
    run.broker.process.signal(signal.SIGCONT)
    run.did("hangs")


@contextmanager
def full(run: Run) -> Iterator[None]:
    """Let the broker have no memory for new events."""
    run.broker.client.config_set("maxmemory", "1mb")
    yield
    run.broker.client.config_set("maxmemory", "0")
    run.did("fills")


FAULTS: dict[str, Callable[[Run], Any]] = {"killed": killed, "hung": hung, "full": full}


def django_app(folder: Path, plan: Plan) -> Outcome:
    """Run it."""
    with Run(folder, fsync=plan.fsync) as run:
        run.start_worker()
        env = {**run.env, "LEADRELAY_TIMEOUT_MS": "50"}
        process, port = shop(folder, env, plan)
        try:
            load = Load(port, plan)
            load.start()
            _strike(run, load, plan)
            load.join()
            ended = time.monotonic()
            if plan.drain:
                Process("drain", [sys.executable, "-m", "leadrelay", "drain"], folder, env).child.wait(60)
            until(lambda: _arrived(folder) >= len(load.accepted), "every event arrives", 120 + plan.events / 50)
            drained = time.monotonic() - ended
            run.drain(120)
            return _outcome(run, load, plan, drained, process)
        finally:
            process.kill()


def _strike(run: Run, load: Load, plan: Plan) -> None:
    """Let each fault last for a share of the requests, with time to recover between."""
    share = plan.requests // (2 * len(plan.faults) + 2)
    _wait(load, share)
    load.phase = "well"
    reached = 2 * share
    _wait(load, reached)
    for name in plan.faults:
        reached += share
        with FAULTS[name](run):
            load.phase = name
            _wait(load, reached)
        load.phase = "back"
        reached += share
        _wait(load, reached)


def _wait(load: Load, requests: int) -> None:
    until(lambda: load.made + len(load.errors) >= requests or not load.is_alive(), f"{requests} requests", 900)


def _arrived(folder: Path) -> int:
    return len({eid for eid, _ in read_events(folder / "arrived.sqlite")})


def _outcome(run: Run, load: Load, plan: Plan, drained_s: float, process: Process) -> Outcome:
    events = read_events(run.folder / "arrived.sqlite")
    arrived = [(int(wire["order"]) * EACH + int(wire["line"]), eid, wire["userId"]) for eid, wire in events]
    verdict = judge(load.accepted, arrived, run.queue)
    verdict.most_duplicates = run.most_duplicates()
    verdict.said = run.said_lost()
    verdict.done = dict(run.done)
    latency_ms = {phase: _percentiles(seconds) for phase, seconds in load.latencies.items()}
    well = latency_ms["well"][2]
    verdict.findings += [
        f"p99 {row[2]:.0f} ms while {phase}, {well:.0f} ms before"
        for phase, row in latency_ms.items()
        if phase in plan.faults and row[2] - well >= MOST_SLOWER_MS
    ]
    wrong = {
        f"{len(load.errors)} requests failed: {load.errors[:3]}": bool(load.errors),
        f"{verdict.out_of_order} out of order": verdict.out_of_order > 0,
        "the application logged an exception": "Traceback" in process.log.read_text("utf-8", "replace"),
    }
    verdict.findings += [text for text, is_so in wrong.items() if is_so]
    return Outcome(verdict, latency_ms, drained_s)


def _percentiles(seconds: list[float]) -> tuple[int, float, float, float]:
    ordered = sorted(seconds)
    half, most = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
    return len(ordered), half * 1000, most * 1000, ordered[-1] * 1000


def main() -> None:
    """Run it by arguments, print the figures, and fail when something is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    plan = Plan()
    for name in ("events", "clients", "users", "processes", "threads"):
        parser.add_argument(f"--{name}", type=int, default=getattr(plan, name))
    parser.add_argument("--rate", type=float, default=plan.rate, help="requests a second")
    parser.add_argument("--faults", type=lambda text: tuple(text.split(",")), default=plan.faults)
    parser.add_argument("--fsync", choices=["always", "everysec"], default=plan.fsync)
    server = "command that serves, with {port}, instead of gunicorn"
    parser.add_argument("--server", type=lambda text: tuple(shlex.split(text)), default=(), help=server)
    parser.add_argument("--drain", action="store_true", help="let `leadrelay drain` empty the spool at the end")
    options = Plan(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory(prefix="django-") as folder:
        outcome = django_app(Path(folder), options)
        if outcome.verdict.failures():
            print(f"WRONG: {'; '.join(outcome.verdict.failures())}")
    print(outcome.row())
    sys.exit(1 if outcome.verdict.failures() else 0)


if __name__ == "__main__":
    main()
