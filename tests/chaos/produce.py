"""A producer that writes down what was accepted: one line ``serial eid`` after each call, ``serial`` before it.

Run again on the same file it goes on after the last serial that it began, as an application would: a call that
never returned is not accepted.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from pathlib import Path

import leadrelay
from leadrelay.errors import LeadrelayError


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
    options = parser.parse_args()
    first, accepted = begun(options.file)
    out = os.open(options.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    refused = 0
    for serial in itertools.count(first + 1):
        if accepted >= options.accepted if options.accepted else serial > options.events:
            break
        os.write(out, b"%d\n" % serial)
        try:
            eid = leadrelay.track_event(
                _title(serial, options.stubborn), userId=f"user-{serial % options.users}", serial=serial
            )
        except LeadrelayError:
            refused += 1
            time.sleep(0.02)
            continue
        os.write(out, f"{serial} {eid}\n".encode())
        accepted += 1
        if options.rate:
            time.sleep(1 / options.rate)
    print(f"refused {refused}", flush=True)


def _title(serial: int, stubborn: int) -> str:
    return "stubborn" if stubborn and serial % stubborn == 0 else "invoice_paid"


if __name__ == "__main__":
    main()
