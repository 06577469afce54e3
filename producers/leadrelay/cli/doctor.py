"""`leadrelay doctor`."""

from __future__ import annotations

import textwrap
import time
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from leadrelay import broker
from leadrelay.cli.common import EXIT_UNREACHABLE, json_option, moment, show, terminal_width
from leadrelay.client import Client
from leadrelay.doctor import canary, examine, gather, readback
from leadrelay.doctor.finding import Finding, ok, problem, warning
from leadrelay.settings import Settings

if TYPE_CHECKING:
    from leadrelay.queue import Queue

#: Characters of the first column.
_INDENT = 10
#: Most characters of a line of prose.
_LINE = 100
#: Seconds after which LeadBoxer's lead API is asked again, as often as this.
_READ_BACK_S, _READ_BACKS = 3.0, 4


@click.command()
@click.option("--producer", is_flag=True, help="As a producer's machine sees it: its folders, not the destination.")
@click.option("--send", is_flag=True, help="Also send one event to the configured dataset, and wait for its delivery.")
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait for it.")
@json_option
def doctor(*, producer: bool, send: bool, wait: float, as_json: bool) -> None:
    """Say what is wrong, or will be, and what to do. Exit code 1 when there is a problem."""
    settings = Settings.load()
    opened: list[Queue] = []

    def open_queue() -> Queue:
        opened.append(broker.open_queue(settings))
        return opened[0]

    facts = gather(settings, open_queue, producer=producer, wait=time.sleep)
    findings = examine(facts)
    if send:
        sent = [_not_sent("the queue cannot be read")] if facts.queue is None else _send(settings, opened[0], wait)
        findings += sent
    problems = sum(finding.level == "problem" for finding in findings)
    if as_json:
        show({"ok": not problems, "findings": [asdict(finding) for finding in findings]})
    else:
        _tell(findings)
    code = EXIT_UNREACHABLE if facts.unreachable else 1 if problems else 0
    raise click.exceptions.Exit(code)


def _send(settings: Settings, queue: Queue, longest_s: float) -> list[Finding]:
    if not settings.dataset_id:
        return [_not_sent("LEADRELAY_DATASET_ID is not set, so it would belong to nobody")]
    hindrance = canary.hindrance(queue)
    if hindrance:
        return [_not_sent(hindrance)]
    sent = canary.send(Client(settings, queue), time.sleep, longest_s)
    if sent.state != "delivered":
        return [_stuck(sent)]
    host = urlsplit(settings.destination_url).hostname or ""
    where = "in LeadBoxer" if host.endswith("leadboxer.com") else f"at {settings.destination_url}"
    look = f"look {where} for the event {canary.TITLE!r} with the id {sent.eid} at {moment(sent.at_ms)}"
    found = [ok("canary", f"delivered in {sent.took_s:.1f} s; {look}")]
    return found + ([_read_back(settings, sent.eid)] if readback.can_read(settings) else [])


def _not_sent(hindrance: str) -> Finding:
    return problem("canary", f"not sent: {hindrance}", "it would only wait with the others", "mend that, and try again")


def _stuck(sent: canary.Sent) -> Finding:
    where = f"dead ({sent.reason})" if sent.state == "dead" else sent.state
    return problem(
        "canary",
        f"{sent.eid} was not delivered within {sent.took_s:.0f} s; it is {where}",
        "so are other events, perhaps",
        "leadrelay dead show tells its attempts"
        if sent.state == "dead"
        else "see leadrelay status and the worker's log",
    )


def _read_back(settings: Settings, eid: str) -> Finding:
    for number in range(_READ_BACKS):
        if number:
            time.sleep(_READ_BACK_S)
        there, what = readback.read_back(settings, eid)
        if there:
            return ok("read back", f"{what} with a lead of the canary's id")
    return warning(
        "read back",
        f"{what}, without a lead of the canary's id",
        "it may have arrived all the same: what the lead API knows of such an event is not documented",
        "look for it in LeadBoxer; see LEADRELAY_API_KEY, LEADRELAY_API_EMAIL and LEADRELAY_DATASET_ID",
    )


def _tell(findings: list[Finding]) -> None:
    width = min(terminal_width(), _LINE)
    for finding in findings:
        for line in _lines(finding, width):
            click.echo(line)
    counts = {level: sum(finding.level == level for finding in findings) for level in ("problem", "warning")}
    click.echo(", ".join(f"{number} {level}{'s' * (number != 1)}" for level, number in counts.items()))


def _lines(finding: Finding, width: int) -> list[str]:
    rest = " " * _INDENT
    lines = textwrap.wrap(
        f"{finding.check}: {finding.what}", width, initial_indent=finding.level.ljust(_INDENT), subsequent_indent=rest
    )
    for heading, text in (("why", finding.why), ("do", finding.do)):
        if text:
            lines += textwrap.wrap(f"{heading}: {text}", width, initial_indent=rest, subsequent_indent=f"{rest}  ")
    return lines
