"""`leadrelay dead edit`."""

from __future__ import annotations

import json
from typing import Any

import click

from leadrelay import broker
from leadrelay.cli.common import json_option, show, who
from leadrelay.client import Client
from leadrelay.queue import DeadLetters
from leadrelay.revise import editable, revise
from leadrelay.settings import Settings


@click.command()
@click.argument("which", metavar="SEQ|EID")
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--unset", multiple=True, metavar="NAME", help="Leave a property out.")
@json_option
def edit(which: str, changes: tuple[str, ...], unset: tuple[str, ...], *, as_json: bool) -> None:
    """Give a dead letter new content under the same eid: by NAME=VALUE, or else in $EDITOR as JSON."""
    settings = Settings.load()
    letters = DeadLetters(broker.open_queue(settings))
    letter = letters.show(which)
    if letter is None:
        raise click.ClickException(f"no dead letter {which}")
    before = editable(letter)
    after = _changed(before, changes, unset) if changes or unset else _in_editor(before)
    if after == before:
        raise click.ClickException("nothing was changed")
    entry = revise(letter, after, Client(settings, letters.queue))
    try:
        revision = letters.edit(letter.message.seq, letter.message.revision, entry, who())
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        show({"seq": letter.message.seq, "eid": letter.message.eid, "revision": revision})
    else:
        click.echo(
            f"revision {revision} of {letter.message.eid}; `leadrelay dead replay {letter.message.seq}` sends it"
        )


def _changed(wire: dict[str, Any], changes: tuple[str, ...], unset: tuple[str, ...]) -> dict[str, Any]:
    changed = dict(wire)
    for text in changes:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError("changes are written NAME=VALUE; the event keeps what is not named")
        changed[name] = value
    for name in unset:
        if name not in changed:
            raise click.UsageError(f"--unset {name}: the event has no such property")
        del changed[name]
    return changed


def _in_editor(wire: dict[str, Any]) -> dict[str, Any]:
    written = click.edit(json.dumps(wire, ensure_ascii=False, indent=2) + "\n", extension=".json")
    if written is None:
        raise click.ClickException("nothing was changed")
    try:
        changed = json.loads(written)
    except ValueError as error:
        raise click.ClickException(f"this is not JSON ({error}); nothing was changed") from None
    if not isinstance(changed, dict):
        raise click.ClickException("an event is a JSON object of names and values; nothing was changed")
    return changed
