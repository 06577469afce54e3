"""A producer that writes down what was accepted: one line ``serial eid`` after each call, ``serial`` before it.

Run again on the same file it goes on after the last serial that it began, as an application would: a call that
never returned is not accepted.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import leadrelay
from leadrelay.errors import LeadrelayError


def begun(path: Path) -> int:
    """Give the last serial that an earlier run began."""
    lines = path.read_text().split("\n") if path.exists() else []
    return max((int(line.split()[0]) for line in lines if line.split()), default=0)


def main() -> None:
    """Track events until the serial reaches the wanted number."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("events", type=int)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--rate", type=float, default=0, help="events a second, 0 as fast as it goes")
    options = parser.parse_args()
    first = begun(options.file) + 1
    out = os.open(options.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    refused = 0
    for serial in range(first, options.events + 1):
        os.write(out, b"%d\n" % serial)
        try:
            eid = leadrelay.track_event("invoice_paid", userId=f"user-{serial % options.users}", serial=serial)
        except LeadrelayError:
            refused += 1
            time.sleep(0.02)
            continue
        os.write(out, f"{serial} {eid}\n".encode())
        if options.rate:
            time.sleep(1 / options.rate)
    print(f"refused {refused}", flush=True)


if __name__ == "__main__":
    main()
