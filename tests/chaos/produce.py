"""A producer that writes down what was accepted: one line ``serial eid`` after each call, ``serial`` before it.

Run again on the same file it goes on after the last serial that it began, as an application would: a call that
never returned is not accepted. One that returned is, in the queue or in the spool.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path

import leadrelay
from leadrelay.errors import LeadrelayError

TITLE = "invoice_paid"


def begun(path: Path) -> tuple[int, int]:
    """Give the last serial that an earlier run began, and how many were accepted."""
    lines = [line.split() for line in path.read_text().split("\n")] if path.exists() else []
    return max((int(line[0]) for line in lines if line), default=0), sum(len(line) == 2 for line in lines)


def main() -> None:
    """Track events until the serial, or the number accepted, reaches the wanted number."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("events", type=int)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--accepted", type=int, default=0, help="go on until so many were accepted, not for `events`")
    parser.add_argument("--stubborn", type=int, default=0, help="one event in so many has the title `stubborn`")
    parser.add_argument("--rate", type=float, default=0, help="events a second, 0 as fast as it goes")
    parser.add_argument("--batch", type=int, default=1, help="events in one call")
    parser.add_argument("--first", type=int, default=1, help="first serial")
    parser.add_argument("--name", default="user", help="of its users")
    options = parser.parse_args()
    last, accepted = begun(options.file)
    out = os.open(options.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    refused = 0
    for serial in itertools.count(max(last + 1, options.first), options.batch):
        if accepted >= options.accepted if options.accepted else serial >= options.first + options.events:
            break
        began = time.monotonic()
        serials = range(serial, serial + options.batch)
        os.write(out, "".join(f"{one}\n" for one in serials).encode())
        try:
            eids = track(serials, options)
        except LeadrelayError:
            refused += options.batch
            time.sleep(0.02)
            continue
        os.write(out, "".join(f"{one} {eid}\n" for one, eid in zip(serials, eids, strict=True)).encode())
        accepted += options.batch
        if options.rate:
            time.sleep(max(0.0, began + options.batch / options.rate - time.monotonic()))
    print(f"refused {refused}", flush=True)


def track(serials: range, options: argparse.Namespace) -> list[str]:
    """Track one event, or many in one call."""
    made = [
        {"ti": _title(one, options.stubborn), "userId": f"{options.name}-{one % options.users}", "serial": one}
        for one in serials
    ]
    if len(made) > 1:
        return leadrelay.track_many(made)
    return [leadrelay.track_event(made[0].pop("ti"), **made[0])]


def _title(serial: int, stubborn: int) -> str:
    return "stubborn" if stubborn and serial % stubborn == 0 else TITLE


if __name__ == "__main__":
    main()
