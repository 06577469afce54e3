"""Every choice that nothing documents, as a switch: declared once, here (facts.md, last table; docs/sandbox.md)."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class BadSwitch(ValueError):
    """A switch cannot be set so; the message names the nearest name or the values there are."""


@dataclass(frozen=True, slots=True)
class Switch:
    """One undocumented choice.

    Args:
        name: As given to `--switch name=value`.
        values: What it may be, the default first.
        meaning: What each value does.
        source: Where the doubt, or the other answer, comes from.
    """

    name: str
    values: tuple[str, ...]
    meaning: str
    source: str

    @property
    def default(self) -> str:
        """What holds unless it is set."""
        return self.values[0]


_FACTS = "facts.md, last table"

TABLE: tuple[Switch, ...] = (
    Switch(
        "missing_si",
        ("refuse", "discard"),
        "`si` missing or empty: `refuse` answers 400, `discard` answers 200 with an id and loses the event",
        _FACTS,
    ),
    Switch(
        "unknown_si",
        ("accept", "discard", "refuse"),
        "a dataset that is not registered, once any is: `accept` and mark it, `discard` with 200, or `refuse` with 400",
        'facts.md, Responses: "kept a day and dropped"',
    ),
    Switch(
        "duplicate_eid",
        ("merge", "count"),
        "an `eid` that is known: `merge` its properties and count nothing, or `count` it again",
        _FACTS,
    ),
    Switch(
        "eid_form",
        ("hex", "dotted", "uuid"),
        "ids made here: 32 `hex` digits, `dotted` as `1783024862163.757717719` (reads as a number), or a `uuid`",
        "facts.md, Parameters: eid",
    ),
    Switch(
        "new_uid",
        ("identity", "eid"),
        "uid of a user first seen by `userId` or `email`: that `identity` itself, or the `eid`",
        _FACTS,
    ),
    Switch(
        "user_id",
        ("identifies", "property"),
        "`userId` without `uid`: `identifies` the user, or is a `property` like others",
        "page, section 5 (recommended) against its table (names uid and email only)",
    ),
    Switch(
        "proxy_presence",
        ("not-false", "any", "true"),
        "what turns `proxy` on: `not-false` anything but `false` and `0`, `any` value, or the text `true` alone",
        "facts.md, Parameters: proxy",
    ),
    Switch(
        "unique_per",
        ("user", "session"),
        "the unique counter of a title moves once per `user`, or once per `session`",
        'facts.md, Events: "unique on first sight"',
    ),
    Switch(
        "empty_value",
        ("keep", "overwrite"),
        "an empty value: `keep` what the profile has, or `overwrite` it",
        _FACTS,
    ),
    Switch(
        "duplicate_keys",
        ("first", "last"),
        "a name given twice, query before body: the `first` or the `last` value counts",
        _FACTS,
    ),
    Switch(
        "charset",
        ("iso-8859-1", "replace"),
        "a form that is not UTF-8 is read as `iso-8859-1`, or as UTF-8 with what is wrong `replace`d by U+FFFD",
        _FACTS,
    ),
    Switch(
        "non_ascii_names",
        ("keep", "propagate"),
        "a name beyond ASCII: `keep` it on the event, or `propagate` it like others",
        _FACTS,
    ),
    Switch(
        "t_ms",
        ("property", "honour"),
        "`t_ms` on a direct send: a `property`, or `honour` it as the event's time",
        "facts.md, Parameters: t_ms",
    ),
    Switch(
        "answer_precedence",
        ("pix-first", "pix-last"),
        "`pix` beside `json` or `callback`: the image wins (`pix-first`) or loses (`pix-last`)",
        _FACTS,
    ),
    Switch(
        "callback_alone",
        ("jsonp", "text"),
        "`callback` without `json`: answer `jsonp`, or the id as `text`",
        _FACTS,
    ),
    Switch(
        "json_shape",
        ("eid", "id", "event_id", "string"),
        "the id as JSON: an object with `eid`, `id` or `event_id`, or a bare `string`",
        _FACTS,
    ),
    Switch(
        "text_newline",
        ("none", "newline"),
        "the id as text ends with nothing, or with a `newline`",
        _FACTS,
    ),
    Switch(
        "cors",
        ("none", "any"),
        "`any` lets pages of every origin read answers",
        _FACTS,
    ),
)  # fmt: skip

_BY_NAME = {switch.name: switch for switch in TABLE}
DEFAULTS: Mapping[str, str] = {switch.name: switch.default for switch in TABLE}


def changed(current: Mapping[str, str], wanted: Mapping[str, Any]) -> dict[str, str]:
    """Give `current` with some switches set.

    Args:
        current: Every switch's value by name.
        wanted: New values by name.

    Raises:
        BadSwitch: A name or a value is unknown; nothing is set then.
    """
    for name, value in wanted.items():
        _check(name, value)
    return {**current, **wanted}


def parse(settings: tuple[str, ...]) -> dict[str, str]:
    """Read `name=value` texts of a command line over the defaults; raises BadSwitch."""
    wanted = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals:
            raise BadSwitch(f"{text}: give name=value")
        wanted[name] = value
    return changed(DEFAULTS, wanted)


def listed(current: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give the table with the values in force, as `/_sandbox/switches` shows it."""
    return [
        {
            "name": switch.name,
            "value": current[switch.name],
            "default": switch.default,
            "values": list(switch.values),
            "meaning": switch.meaning,
            "source": switch.source,
        }
        for switch in TABLE
    ]


def _check(name: str, value: Any) -> None:
    if name not in _BY_NAME:
        near = difflib.get_close_matches(name[:50], _BY_NAME, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_BY_NAME)}"
        raise BadSwitch(f"{name[:50]}: no such switch; {hint}")
    if value not in _BY_NAME[name].values:
        raise BadSwitch(f"{name}: choose {' or '.join(_BY_NAME[name].values)}")
