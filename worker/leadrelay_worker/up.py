"""`leadrelay up`: everything on one machine, as child processes that are started again when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
from leadrelay import broker, embedded
from leadrelay.errors import BrokerUnavailable
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Seconds between looks at the parts.
_LOOK_S = 0.5
#: Seconds before a part that keeps dying is started again, at most.
_LONGEST_WAIT_S = 30.0
#: Seconds of life after which a part's deaths are forgotten.
_STEADY_S = 60.0
#: Seconds for parts to end before they are killed; a worker finishes what is under way (10 s).
_STOP_S = 15.0


@dataclass
class Part:
    """One child process."""

    name: str
    command: Sequence[str]
    url: str = ""
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
        self.child = subprocess.Popen(self.command)  # noqa: S603 - our own commands
        self.started = now
        return f"{self.name:8} {self.url}".rstrip()


@click.command()
@click.option("--sandbox", "with_sandbox", is_flag=True, help="Deliver to a stand-in LeadBoxer on this machine.")
@click.option("--port-base", default=8010, show_default=True, help="Monitor here, sandbox on the next port.")
def up(port_base: int, *, with_sandbox: bool) -> None:
    """Run everything on this machine: broker, worker, monitor; Ctrl-C ends it."""
    settings = Settings.load()
    _say_broker(settings)
    this = [sys.executable, "-m", "leadrelay"]
    parts = []
    if with_sandbox:
        url = f"http://127.0.0.1:{port_base + 1}"
        os.environ["LEADRELAY_DESTINATION_URL"] = url
        parts.append(Part("sandbox", [*this, "sandbox", "--port", str(port_base + 1)], url))
    parts.append(
        Part(
            "worker",
            [*this, "worker"],
            f"delivers to {os.environ.get('LEADRELAY_DESTINATION_URL', settings.destination_url)}",
        )
    )
    parts.append(Part("monitor", [*this, "monitor", "--port", str(port_base)], f"http://127.0.0.1:{port_base}"))
    _run(settings, parts)


def _say_broker(settings: Settings) -> None:
    own = not settings.broker_url
    broker.url_of(settings, start=True)
    click.echo(f"{'broker':8} {f'embedded, data in {settings.home}' if own else 'LEADRELAY_BROKER_URL'}")


def _run(settings: Settings, parts: list[Part]) -> None:
    stopping: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: stopping.append(number))
    try:
        while not stopping:
            _watch_broker(settings)
            for part in parts:
                told = part.look(time.monotonic())
                if told:
                    click.echo(told)
            time.sleep(_LOOK_S)
    finally:
        _stop(parts)


def _watch_broker(settings: Settings) -> None:
    if settings.broker_url or embedded.join(settings.home):
        return
    try:
        embedded.start_or_join(settings.home)
        click.echo("broker   had ended; it was started again on its data")
    except BrokerUnavailable as error:
        click.echo(str(error), err=True)


def _stop(parts: list[Part]) -> None:
    running = [part.child for part in parts if part.child and part.child.poll() is None]
    for child in running:
        child.terminate()
    end = time.monotonic() + _STOP_S
    for child in running:
        try:
            child.wait(max(0.1, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
