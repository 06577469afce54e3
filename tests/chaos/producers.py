"""Applications that track while their broker dies, hangs and is full: several processes of one home.

Each process takes a user's lock, tracks the user's next serial and lets go, so that the serials of a user, whichever
process tracked them, have one real order. What was accepted is written down with how long the call took. `python -m
tests.chaos.producers FOLDER EVENTS` is one such process; other kinds (a web server) may call `Users.track` themselves.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadrelay.spool.folder import folders
from leadrelay.spool.lost import lost

from tests.chaos.processes import Broker, Process, until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import redis

#: ms by which a call may be longer with the broker away than its 50 ms; a machine at work adds to all of them.
SLOWER_MS = 60.0


class Users:
    """Users of one home, tracked by many processes in one order each.

    Args:
        folder: Where their serials stand, and what was accepted.
        number: Of users.
    """

    def __init__(self, folder: Path, number: int) -> None:
        """Open this process's list of what was accepted."""
        self._folder, self._number = folder, number
        self._out = os.open(folder / f"accepted-{os.getpid()}.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def track(self) -> str:
        """Track the next serial of some user, and write down `user serial eid ms`."""
        import leadrelay  # noqa: PLC0415 - its first call is part of what is looked at

        user = random.randrange(self._number)
        handle = os.open(self._folder / f"user-{user}", os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            serial = int(os.pread(handle, 20, 0) or b"0") + 1
            began = time.perf_counter()
            eid = leadrelay.track_event("invoice_paid", userId=f"user-{user}", serial=serial)
            took = (time.perf_counter() - began) * 1000
            os.pwrite(handle, b"%d" % serial, 0)
            os.write(self._out, f"{user} {serial} {eid} {took:.2f}\n".encode())
        finally:
            os.close(handle)
        return eid


@dataclass
class Seen:
    """What became of the events of a run.

    Args:
        accepted: (user, serial) -> eid.
        took_ms: Of each call.
        arrived: (user, serial, eid) in the order of the queue.
    """

    accepted: dict[tuple[int, int], str]
    took_ms: list[float]
    arrived: list[tuple[int, int, str]]
    notes: dict[str, Any] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """Say what is wrong: lost, doubled or disordered events, serials with another id."""
        found = []
        ids: dict[tuple[int, int], list[str]] = defaultdict(list)
        last: dict[int, int] = defaultdict(int)
        for user, serial, eid in self.arrived:
            ids[user, serial].append(eid)
            if serial < last[user]:
                found.append(f"user {user}: serial {serial} after {last[user]}")
            last[user] = serial
        found += [f"lost: {key}" for key in self.accepted if key not in ids]
        found += [f"twice: {key}" for key, eids in ids.items() if len(eids) > 1]
        found += [f"another id: {key}" for key, eid in self.accepted.items() if key in ids and ids[key][0] != eid]
        return found

    def quantile(self, share: float) -> float:
        """Give the ms that this share of the calls did not exceed."""
        ordered = sorted(self.took_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def read_accepted(folder: Path) -> tuple[dict[tuple[int, int], str], list[float]]:
    """Read what all processes wrote down."""
    accepted, took = {}, []
    for path in folder.glob("accepted-*.txt"):
        for line in path.read_text().splitlines():
            user, serial, eid, ms = line.split()
            accepted[int(user), int(serial)] = eid
            took.append(float(ms))
    return accepted, took


def read_queue(client: redis.Redis, namespace: str = "leadrelay") -> list[tuple[int, int, str]]:
    """Read what waits in the queue, in order."""
    messages: Any = client.lrange(f"{{{namespace}}}:ready", 0, -1)
    wires = [json.loads(message.partition(b"\n")[2]) for message in reversed(messages)]
    return [(int(wire["userId"].removeprefix("user-")), int(wire["serial"]), wire["eid"]) for wire in wires]


class Home:
    """A broker, and applications of one home.

    Args:
        folder: For all of it.
        options: Of the broker.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        """Start the broker."""
        self.folder = folder
        self.broker = Broker(folder, *options, fsync="always")
        self.env = {
            "LEADRELAY_BROKER_URL": self.broker.url,
            "LEADRELAY_DATASET_ID": "d1",
            "LEADRELAY_HOME": str(folder / "home"),
            "LEADRELAY_STRICT": "false",
            "PYTHONPATH": str(Path(__file__).parent.parent.parent),
        }
        self.processes: list[Process] = []

    def start(self, events: int, *, users: int = 20, rate: float = 0, **env: str) -> Process:
        """Start an application that tracks so many events."""
        command = [sys.executable, "-m", "tests.chaos.producers", str(self.folder), str(events)]
        command += ["--users", str(users), "--rate", str(rate)]
        process = Process(f"app{len(self.processes)}", command, self.folder, {**self.env, **env})
        self.processes.append(process)
        return process

    def number(self) -> int:
        """Give how many events were accepted until now."""
        return len(read_accepted(self.folder)[0])

    def more(self, events: int) -> None:
        """Wait until so many more are accepted, or the applications are done."""
        before = self.number()
        done = lambda: not any(process.alive for process in self.processes)  # noqa: E731
        until(lambda: self.number() >= before + events or done(), f"{events} more are accepted", 120)

    def drained(self) -> None:
        """Wait until the applications are done and the spool is empty: a last process drains what they left."""
        until(lambda: not any(process.alive for process in self.processes), "the applications are done", 240)
        segments = list((self.folder / "home").glob("spool/*/segments"))
        if segments:
            self.run("drain")

    def run(self, *arguments: str) -> None:
        """Run a command of leadrelay to its end."""
        process = Process("command", [sys.executable, "-m", "leadrelay", *arguments], self.folder, self.env)
        until(lambda: not process.alive, f"leadrelay {arguments[0]} is done", 120)

    def seen(self) -> Seen:
        """Read what became of everything."""
        return Seen(*read_accepted(self.folder), read_queue(self.broker.client))

    def close(self) -> None:
        """Kill what still runs."""
        for process in [*self.processes, self.broker.process]:
            if process.alive:
                process.kill()


def killed(home: Home, away_s: float) -> None:
    """SIGKILL the broker and start it again."""
    home.broker.kill()
    time.sleep(away_s)
    home.broker.start()


def hung(home: Home, away_s: float) -> None:
    """SIGSTOP the broker, and let it go on."""
    home.broker.process.signal(signal.SIGSTOP)
    time.sleep(away_s)
    home.broker.process.signal(signal.SIGCONT)


def full(home: Home, away_s: float) -> None:
    """Leave the broker no memory for new events."""
    home.broker.client.config_set("maxmemory", 1)
    time.sleep(away_s)
    home.broker.client.config_set("maxmemory", 0)


FAULTS: dict[str, Callable[[Home, float], None]] = {"killed": killed, "hung": hung, "full": full}


def scenario(
    folder: Path,
    faults: Sequence[str],
    *,
    processes: int = 4,
    events: int = 2000,
    rate: float = 200,
    away_s: float = 1.5,
) -> Seen:
    """Let applications track through faults of the broker.

    Args:
        folder: For data and logs.
        faults: Of `FAULTS`, one after the other.
        processes: Applications of one home.
        events: Of each.
        rate: Events a second of each, 0 as fast as it goes.
        away_s: Seconds that each fault lasts.
    """
    home = Home(folder)
    try:
        for _ in range(processes):
            home.start(events, rate=rate)
        for name in faults:
            home.more(100)
            FAULTS[name](home, away_s)
        home.drained()
        seen = home.seen()
        seen.notes["spooled"] = sum("wait in the spool" in process.tail() for process in home.processes)
        seen.notes["counted as lost"] = sum(lost(of)["events"] for of in folders(folder / "home"))
        seen.notes["exit codes"] = [process.child.returncode for process in home.processes]
        return seen
    finally:
        home.close()


def main() -> None:
    """Be one application."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("events", type=int)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0)
    options = parser.parse_args()
    users = Users(options.folder, options.users)
    for _ in range(options.events):
        users.track()
        if options.rate:
            time.sleep(1 / options.rate)


if __name__ == "__main__":
    main()
