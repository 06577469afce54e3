"""`leadrelay pause`, `resume`, `rate`, and how `status` shows whether events flow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from leadrelay.cli.common import open_queue, span, who
from leadrelay.lane import scope_of
from leadrelay.queue import Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.valve import ALL
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from leadrelay.queue import Sending
    from leadrelay.queue.valve import Breaker

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
#: What an operator reads for a breaker's state.
_STATES = {"half_open": "trying one event at a time", "limited": "slow", "draining": "sending what waited"}


@click.command()
@click.argument("reason", default="")
@click.option("--for", "length", help="Ends by itself, e.g. 30m, 2h.")
def pause(reason: str, length: str | None) -> None:
    """Stop sending; events go on being accepted."""
    match = re.fullmatch(r"(\d+)([smhd])", length or "0s")
    if not match:
        raise click.UsageError("--for takes a number and s, m, h or d, e.g. 30m")
    for_s = int(match[1]) * _UNITS[match[2]]
    Valve(open_queue()).pause(who(), reason, for_s or None)
    click.echo("sending is paused" + (f" for {span(for_s)}" if for_s else "; `leadrelay resume` ends it"))


@click.command()
@click.option(
    "--force", is_flag=True, help="Close breakers without a probe; what is then rejected becomes dead letters."
)
@click.option("--dataset", help="With --force: only this dataset's breaker, by its id (si).")
def resume(dataset: str | None, *, force: bool) -> None:
    """End a pause, and try at once whatever a breaker holds back."""
    if dataset is not None and not force:
        raise click.UsageError("--dataset goes with --force")
    queue = open_queue()
    valve = Valve(queue)
    valve.resume(who())
    if force:
        valve.force(who(), ALL if dataset is None else scope_of({"si": dataset}))
    click.echo(f"sending: {read_books(queue).sending.state}")


@click.command()
@click.argument("per_second")
def rate(per_second: str) -> None:
    """Send at most PER_SECOND events a second over all workers; `off` lifts it."""
    try:
        ceiling = None if per_second == "off" else float(per_second)
    except ValueError:
        ceiling = 0.0
    if ceiling is not None and not 0 < ceiling < float("inf"):
        raise click.UsageError("a number of events a second above 0, or `off`")
    Valve(open_queue()).set_rate(who(), ceiling)
    click.echo("no ceiling by command" if ceiling is None else f"at most {ceiling:g} events/s")


def lines(sending: Sending, now_ms: int) -> Iterator[str]:
    """Say for people what limits sending, in lines of `status`."""
    if sending.rate is not None:
        ceiling = f" (ceiling {sending.ceiling:g})" if sending.ceiling not in (None, sending.rate) else ""
        yield f"rate       at most {sending.rate:g} events/s{ceiling}"
    for breaker in sending.breakers:
        yield f"breaker    {_line(breaker, now_ms)}"


def document(sending: Sending) -> dict[str, Any]:
    """Give `sending` of `status --json`; times in ms."""
    return {
        "state": sending.state,
        "reason": sending.reason,
        "since": sending.since_ms,
        "until": sending.until_ms,
        "rate": sending.rate,
        "ceiling": sending.ceiling,
        "breakers": [
            {
                "of": _of(breaker.key),
                "name": breaker.key.removeprefix("@") or None,
                "state": breaker.state,
                "reason": breaker.reason,
                "since": breaker.since_ms,
                "next_probe": breaker.probe_ms,
                "rate": breaker.rate,
            }
            for breaker in sending.breakers
        ],
    }


def _of(key: str) -> str:
    return "all" if key == ALL else "worker" if key.startswith("@") else "dataset"


def _line(breaker: Breaker, now_ms: int) -> str:
    name = f"{_of(breaker.key)} {breaker.key.removeprefix('@')}".strip()
    if _of(breaker.key) == "dataset" and breaker.key == scope_of({"si": Settings.load().dataset_id or ""}):
        name += " (LEADRELAY_DATASET_ID)"
    state = _STATES.get(breaker.state, breaker.state)
    rate = f" {breaker.rate:g} events/s" if breaker.rate else ""
    probe = ""
    if breaker.state == "open" and breaker.probe_ms:
        probe = f", next probe in {span(max(0, breaker.probe_ms - now_ms) / 1000)}"
    return f"{name} {state}{rate}{f': {breaker.reason}' if breaker.reason else ''}{probe}"
