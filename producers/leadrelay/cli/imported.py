"""What an import tells, for people and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from leadrelay.cli.common import show
from leadrelay.imports.check import Ages, Checked, form_of

if TYPE_CHECKING:
    from datetime import datetime

    from leadrelay.imports.rejects import Rejects
    from leadrelay.imports.runner import Imported

#: What comes of old lines (facts.md, "Events, sessions, users").
UNDATED = "LeadBoxer dates an event when it arrives"
#: Rejected lines that are listed for people.
_SHOWN = 20


def tell_imported(done: Imported, rejects: Rejects, ages: Ages, *, as_json: bool) -> None:
    """Tell what an import did."""
    if as_json:
        counts = {"lines": done.lines, "imported": done.imported, "known": done.known}
        show(counts | _document(rejects, ages, done.iso_8859_1))
        return
    click.echo(
        f"{done.lines:,} lines: {done.imported:,} imported, {done.known:,} known already, {rejects.count:,} rejected"
    )
    _tell_oddities(rejects, done.iso_8859_1)


def tell_checked(done: Checked, rejects: Rejects, ages: Ages, *, as_json: bool) -> None:
    """Tell what a dry run found."""
    if as_json:
        first = [{"line": record.number, "form": form_of(event)} for record, event in done.first]
        show({"lines": done.lines, "valid": done.valid, "first": first} | _document(rejects, ages, done.iso_8859_1))
        return
    for record, event in done.first:
        click.echo(f"line {record.number} would be sent as")
        for name, value in form_of(event).items():
            click.echo(f"    {name} = {_printable(value)}")
    click.echo(f"{done.lines:,} lines: {done.valid:,} valid, {rejects.count:,} rejected; nothing was imported")
    _tell_oddities(rejects, done.iso_8859_1)
    if ages.count:
        click.echo(old_lines(ages))


def old_lines(ages: Ages) -> str:
    """Say how many lines are old, and what comes of it."""
    first, last = _day(ages.first), _day(ages.last)
    many = f"{ages.count:,} lines are" if ages.count > 1 else "1 line is"
    return f"{many} older than a day ({first}{f' to {last}' if last != first else ''}): {UNDATED}"


def _document(rejects: Rejects, ages: Ages, iso_8859_1: int) -> dict[str, Any]:
    return {
        "rejected": [{"line": number, "reason": reason} for number, reason in rejects.listed],
        "rejected_lines": rejects.count,
        "reasons": dict(rejects.reasons.most_common()),
        "rejects_file": str(rejects.path) if rejects.path and rejects.count else None,
        "iso_8859_1": iso_8859_1,
        "old": {"lines": ages.count, "from": _day(ages.first), "to": _day(ages.last)} if ages.count else None,
    }


def _tell_oddities(rejects: Rejects, iso_8859_1: int) -> None:
    if iso_8859_1:
        click.echo(f"{iso_8859_1:,} of them are not UTF-8 and were read as ISO-8859-1")
    for number, reason in rejects.listed[:_SHOWN]:
        click.echo(f"line {number}: {reason}")
    if rejects.count > _SHOWN:
        click.echo(f"… and {rejects.count - _SHOWN:,} more; all by reason:")
        for reason, count in rejects.reasons.most_common():
            click.echo(f"{count:>9,}  {reason}")
    if rejects.path and rejects.count:
        click.echo(f"rejected lines are kept in {rejects.path}; mend them there and import that file")


def _day(at: datetime | None) -> str | None:
    return at.date().isoformat() if at else None


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
