"""`leadrelay forget`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, moment, progress, say, show, who
from leadrelay.forgetting import OUT_OF_REACH, Forgetting, Person, Receipt
from leadrelay.lane import IDENTITIES
from leadrelay.settings import Settings
from leadrelay.spool.folder import Folder
from leadrelay.times import read_span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DAY_S = 86_400


@click.command()
@click.option("--user", "users", multiple=True, metavar="NAME=VALUE", help=f"{', '.join(IDENTITIES)}; several.")
@click.option("--from", "file", type=click.File(), help="Read them from a file, one a line; - for standard input.")
@click.option("--dataset", default="", metavar="SI", help="Only in this dataset.  [default: in all]")
@click.option("--keep", default="90d", show_default=True, help="How long what comes up late is still recognised.")
@click.option("--again", is_flag=True, help="Also what was accepted since they were forgotten the first time.")
@json_option
def forget(users: tuple[str, ...], file: TextIO | None, dataset: str, keep: str, *, again: bool, as_json: bool) -> None:
    """Drop everything that waits or is dead of a person; what they do later is delivered again.

    The same command again says how far it is. Other users of this machine can see --user in the list of processes:
    rather give the values by --from.
    """
    people = list(_read([*users, *(file or ())], dataset))
    if not people:
        raise click.UsageError("whom? Give --user NAME=VALUE, or --from FILE")
    settings = Settings.load()
    act = Forgetting(
        broker.open_queue(settings),
        settings.lane_secret,
        settings.dataset_id or "",
        Folder(settings.home, settings.label()),
        lambda read: progress(f"{read:,} messages read"),
    )
    receipt = act.run(people, who(), kept_days=_days(keep), again=again)
    progress("")
    if as_json:
        show(receipt.document())
    else:
        _print(receipt)


def _read(lines: Iterable[str], dataset: str) -> Iterator[Person]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield Person.read(line.strip(), dataset)
            except ValueError as error:
                raise click.UsageError(f"number {number}: {error}") from None


def _days(keep: str) -> int:
    try:
        return max(1, int(read_span(keep) // _DAY_S))
    except ValueError as error:
        raise click.UsageError(f"--keep: {error}") from None


def _print(receipt: Receipt) -> None:
    since = f"{receipt.new} of them now" if receipt.new else "before"
    say(f"forgotten  {receipt.people:,} ({since}): what was accepted up to {moment(receipt.up_to_ms)}")
    say(f"recognised for {receipt.kept_days:,} days, if it comes up late")
    say(f"dropped    {receipt.dead_dropped:,} dead letters")
    states = ", ".join(f"{number:,} {state.replace('_', ' ')}" for state, number in receipt.waiting.items())
    say(f"pending    {receipt.pending:,} events{f' ({states})' if states else ''}: dropped when they come up")
    if receipt.mentioned:
        numbers = ", ".join(map(str, receipt.mentioned))
        say(f"look at    dead letters that cannot be read and mention them: {numbers}")
    for number, place in enumerate(OUT_OF_REACH):
        say(f"{'' if number else 'not reached':11}{' ' * (not number)}{place}")
