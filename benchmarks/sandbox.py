"""The sandbox's own cost: requests a second on one core, storing on.

`python -m benchmarks.sandbox`. The sandbox has one core, this client another: POST forms of eight fields from many
users over a few connections that stay open. The sandbox is the endpoint of every other benchmark here, so what it
costs an event is part of what they show.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from benchmarks.cost import cpu_of, wire_of
from tests.chaos.processes import Process, sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD = (
    b"POST / HTTP/1.1\r\nHost: sandbox\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0\r\nContent-Length: %d\r\n\r\n"
)


@dataclass
class Connection:
    """One connection with one request under way."""

    socket: socket.socket
    received: bytes = b""

    def answered(self) -> bool:
        """Read what has come; tell whether the answer is whole. Fails on anything but 200."""
        self.received += self.socket.recv(65536)
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        if len(body) < length:
            return False
        assert head.startswith(b"HTTP/1.1 200"), head
        self.received = b""
        return True


def forms(number: int, users: int, *, proxy: bool) -> Iterator[bytes]:
    """Give whole requests of events with eight fields."""
    for serial in range(number):
        wire = wire_of(serial, users)
        if not proxy:
            wire["proxy"] = "false"
        body = urlencode(wire).encode()
        yield _HEAD % len(body) + body


def drive(url: str, wanted: Iterator[bytes], connections: int) -> int:
    """Send requests over `connections` connections until there are no more; gives how many were answered."""
    where = urlsplit(url)
    ready = selectors.DefaultSelector()
    answered = 0
    for _ in range(connections):
        connected = socket.create_connection((where.hostname or "", where.port or 80))
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready.register(connected, selectors.EVENT_READ, Connection(connected))
        connected.sendall(next(wanted))
    while ready.get_map():
        for key, _ in ready.select():
            if not key.data.answered():
                continue
            answered += 1
            following = next(wanted, None)
            if following is None:
                ready.unregister(key.data.socket)
                key.data.socket.close()
            else:
                key.data.socket.sendall(following)
    return answered


def measure(process: Process, url: str, options: argparse.Namespace, *, proxy: bool) -> dict[str, float]:
    """Load the sandbox and give its rate and what it cost."""
    wanted = list(forms(options.requests, options.users, proxy=proxy))
    cpu, began = cpu_of(process.pid), time.monotonic()
    answered = drive(url, iter(wanted), options.connections)
    took, used = time.monotonic() - began, cpu_of(process.pid) - cpu
    return {"requests_s": answered / took, "cpu_us": used / answered * 1e6, "core_share": used / took}


def asked_for(description: str | None, connections: int) -> argparse.Namespace:
    """Read the arguments of a benchmark that loads an endpoint."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=connections)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Measure with `proxy`, and without: enrichment and counters too."""
    options = asked_for(__doc__, connections=32)
    cores = sorted(os.sched_getaffinity(0))
    rounds = []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        process, url = sandbox(Path(folder))
        try:
            os.sched_setaffinity(process.pid, {cores[0]})
            os.sched_setaffinity(0, {cores[-1]})
            for _ in range(options.rounds):
                for proxy in (True, False):
                    figures = measure(process, url, options, proxy=proxy)
                    rounds.append({"proxy": proxy, **{name: round(value, 2) for name, value in figures.items()}})
                    if not options.json:
                        print(" ".join(f"{name} {value}" for name, value in rounds[-1].items()), flush=True)
        finally:
            process.kill()
    if options.json:
        print(json.dumps(rounds))


if __name__ == "__main__":
    main()
