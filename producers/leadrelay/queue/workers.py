"""Which workers are alive.

A lease tells nothing: it stands for 30 s, and that of a lone worker that was killed stands until another worker comes.
A worker is alive while it is heard of, and while its process is there, where that can be looked at.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Seconds for which a worker that says nothing counts as alive: three heartbeats.
SILENT_S = 15.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PROCESSES = Path("/proc/self/ns/pid")


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that holds a lease.

    Args:
        name: As `name_here` made it, or another one.
        heard_ms: Broker time at which it was last heard of.
    """

    name: str
    heard_ms: int


def name_here(name: str) -> str:
    """Name this process as a worker, anew for each process: a restart never inherits a lease.

    Args:
        name: For people.
    """
    return f"{name.replace(':', '_').replace(' ', '_')}/{os.getpid()}-{_machine()}-{secrets.token_hex(3)}"


def alive(workers: Iterable[Worker], now_ms: int) -> list[Worker]:
    """Give those that deliver at this broker time, as far as can be known from here."""
    return [one for one in workers if now_ms - one.heard_ms <= SILENT_S * 1000 and not _known_gone(one.name)]


def _known_gone(name: str) -> bool:
    """Whether it was a process of this machine, and is none any more; of other machines nothing is known."""
    pid, _, rest = name.rpartition("/")[2].partition("-")
    if not pid.isdigit() or not _machine() or rest.partition("-")[0] != _machine():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        pass
    return False


@cache
def _machine() -> str:
    """Name the processes among which a process id means this one: this start of the machine, and the container."""
    try:
        return hashlib.sha256(f"{_BOOT.read_text()} {_PROCESSES.readlink()}".encode()).hexdigest()[:8]
    except OSError:
        return ""
