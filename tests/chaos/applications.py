"""What applications go through, at full size: `python -m tests.chaos.applications` (figures: docs/producers.md)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from leadrelay.queue import Queue
from leadrelay.queue.books import read_books

from tests.chaos.producers import FAULTS, Home, read_queue, scenario

if TYPE_CHECKING:
    from collections.abc import Sequence

_ONE_AND_DIE = """\
import os, signal, sys, leadrelay
leadrelay.track_event("invoice_paid", userId="user-1", serial=sys.argv[1])
os.kill(os.getpid(), signal.SIGKILL)
"""
_FORKED = """\
import os, sys, leadrelay
leadrelay.track_event("before the fork")
children = []
for _ in range(int(sys.argv[2])):
    pid = os.fork()
    if not pid:
        out = open(f"{sys.argv[1]}/eids-{os.getpid()}", "w")
        for _ in range(int(sys.argv[3])):
            print(leadrelay.track_event("a"), file=out)
        out.close()
        sys.exit()
    children.append(pid)
assert {os.waitpid(pid, 0)[1] for pid in children} == {0}
"""


def killed_after_the_call(home: Home, times: int) -> list[int]:
    """SIGKILL an application right after `track_event` returned, the broker being away; gives what arrives later."""
    home.broker.kill()
    for serial in range(1, times + 1):
        done = _python(home, _ONE_AND_DIE, str(serial))
        assert done.returncode == -signal.SIGKILL
    home.broker.start()
    home.run("drain")
    return [serial for _, serial, _ in read_queue(home.broker.client)]


def forked(home: Home, processes: int, events: int) -> list[str]:
    """Let forked processes track; gives their ids."""
    done = _python(home, _FORKED, str(home.folder), str(processes), str(events))
    assert done.returncode == 0
    home.run("drain")
    return [eid for path in home.folder.glob("eids-*") for eid in path.read_text().split()]


def _python(home: Home, code: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command: Sequence[str] = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env={**os.environ, **home.env}, check=False, timeout=1200)


def main() -> None:
    """Run each once and print what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        arrived = killed_after_the_call(home, 100)
        print(
            f"killed after the call: {len(arrived)} of 100 arrived, in order: {arrived == list(range(1, 101))}",
            flush=True,
        )
        home.close()
    for faults in ([], *([name] for name in FAULTS), list(FAULTS)):
        with tempfile.TemporaryDirectory() as folder:
            seen = scenario(Path(folder), faults, events=5000, away_s=5)
        took = ", ".join(f"p{share * 100:g} {seen.quantile(share):.1f}" for share in (0.5, 0.99, 0.999, 1))
        print(
            f"{'+'.join(faults) or 'served'}: {len(seen.accepted):,} accepted, faults {seen.faults()[:5]}, "
            f"{seen.notes['counted as lost']} counted as lost, exit codes {seen.notes['exit codes']}, ms {took}",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        ids = forked(home, 4, 25_000)
        accepted = read_books(Queue(home.broker.client)).accepted
        print(f"forked: {len(ids):,} ids, {len(set(ids)):,} different, {accepted - 1:,} accepted")
        home.close()


if __name__ == "__main__":
    main()
