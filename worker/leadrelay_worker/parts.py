"""Parts of a running system as child processes, started again when they die: for `up` and `run`."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Seconds between looks at the parts.
_LOOK_S = 0.5
#: Seconds before a part that keeps dying is started again, at most.
_LONGEST_WAIT_S = 30.0
#: Seconds of life after which a part's deaths are forgotten.
_STEADY_S = 60.0
#: Seconds for parts to end before they are killed; a worker finishes what is under way (10 s).
_STOP_S = 15.0
#: What ends a system: its service manager, Ctrl-C, its terminal going away (not under nohup).
ENDS = (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] * (signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN)))
#: What each part cannot do without.
NEEDS = {"worker": "celery", "gateway": "uvicorn", "sandbox": "uvicorn", "monitor": "flower"}
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_SET_PARENT_DEATH_SIGNAL = 1  # of `prctl`


@dataclass
class Part:
    """One child process.

    Args:
        name: The `leadrelay` command that it runs.
        options: Of this command.
        note: Told when it starts: where it listens, or what it does.
    """

    name: str
    options: Sequence[str] = ()
    note: str = ""
    child: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started: float = 0.0
    start_at: float = field(default=0.0)

    def look(self, now: float) -> str | None:
        """Start it if it should run and does not; gives what to tell."""
        if self.child and self.child.poll() is None:
            return None
        if self.child:
            code, self.child = self.child.returncode, None
            self.deaths = 0 if now - self.started > _STEADY_S else self.deaths + 1
            wait = min(_LONGEST_WAIT_S, 2.0 ** min(self.deaths, 10) - 1)
            self.start_at = now + wait
            return f"{self.name} ended with {code}; it is started again in {wait:.0f} s"
        if now < self.start_at:
            return None
        command = [sys.executable, "-m", "leadrelay", self.name, *self.options]
        self.child = subprocess.Popen(  # noqa: S603 - ours
            command,
            stdout=subprocess.DEVNULL,  # we tell what there is to tell; logs go to stderr
            start_new_session=True,  # Ctrl-C is for us alone: we end them
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - there is one thread
        )
        self.started = now
        return f"{self.name:8} {self.note}".rstrip()


def check_installed(parts: Sequence[Part]) -> None:
    """Refuse to start a part that could not run; raises ModuleNotFoundError, which the command line explains."""
    for module in sorted({NEEDS[part.name] for part in parts}):
        if not find_spec(module):
            raise ModuleNotFoundError(name=module)


def _end_with_parent() -> None:
    """Let the system end this child when its parent is killed, where it can (Linux)."""
    if _libc:
        _libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def url_of(host: str, port: int) -> str:
    """Give the URL of a part that listens."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def keep_running(parts: Sequence[Part], beside: Callable[[], None] = lambda: None) -> None:
    """Run the parts until SIGTERM, SIGINT or SIGHUP, then end them.

    Args:
        parts: Started in order.
        beside: Called at each look.
    """
    stopping: list[int] = []
    for number in ENDS:
        signal.signal(number, lambda number, _: stopping.append(number))
    try:
        while not stopping:
            beside()
            for part in parts:
                told = part.look(time.monotonic())
                if told:
                    click.echo(told)
            time.sleep(_LOOK_S)
    finally:
        _stop(parts)


def _stop(parts: Sequence[Part]) -> None:
    running = [part.child for part in parts if part.child and part.child.poll() is None]
    for child in running:
        child.terminate()
    end = time.monotonic() + _STOP_S
    for child in running:
        try:
            child.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
