"""The shape of an import: how its options make an event of a record's values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadrelay.errors import InvalidEvent
from leadrelay.event import OPTIONS, Event, split
from leadrelay.ids import derived_eid
from leadrelay.imports.record import ImportMistake, RejectedLine
from leadrelay.lane import IDENTITIES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Names that are given to an event by themselves.
_FIXED = ("ti", "si", "eid")
#: Names that hold when a record happened, and whether they must be readable as a time.
TIMES = {"occurredAt": True, "t_ms": True, "loggedAt": False}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Digits of a time in ms: 2001 to 2286.
_MS_DIGITS = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The options of an import.

    Args:
        si: Dataset of every record, over what it says itself.
        default_si: Dataset of records that say none.
        title: Of every event, over what the record says itself.
        untitled: Whether an event may have no title.
        renamed: Name in the record -> wire name, ``""`` to leave it out.
        added: More wire parameters, over what the record says itself.
        uid_from: Name whose value is sent as `uid` too.
        anonymous: The records name nobody.
        proxy: Of records that say nothing of it (`trackapi.proxy.TABLE`).

    Raises:
        ImportMistake: It is not said whom the records are about.
    """

    si: str | None = None
    default_si: str | None = None
    title: str | None = None
    untitled: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)
    uid_from: str | None = None
    anonymous: bool = False
    proxy: str = "auto"

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        texts = (self.si, self.default_si, self.title, self.uid_from, *self.renamed.items(), *self.added.items())
        try:
            json.dumps(texts, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ImportMistake("an option, or LEADRELAY_DATASET_ID, is not valid UTF-8") from None
        chosen = bool(self.identities)
        if chosen == self.anonymous:
            raise ImportMistake(
                "whom are the lines about? Map the column that says it, for example --map 'E-mail=email' or "
                "--map 'Customer=userId', or name the one with the user id, --uid-from NAME; if they name nobody, "
                "--anonymous" + (" (and not both)" if chosen else "")
            )

    @property
    def identities(self) -> tuple[str, ...]:
        """The wire names that say whom a record is about; one of them must be filled."""
        mapped = tuple(name for name in IDENTITIES if name in self.renamed.values())
        return ("uid",) if self.uid_from else mapped

    @property
    def mark(self) -> str:
        """What makes another event of the same record: the title and what is added."""
        return json.dumps([self.title, sorted(self.added.items())]) if self.title or self.added else ""

    def id_of(self, named: Mapping[str, Any], key: bytes, times: int) -> str:
        """Give the id of a record, and of its event unless it has its own.

        Args:
            named: As `named` gives it; it may name a dataset.
            key: As in `Record`.
            times: How often its source had an equal one until here, itself included.
        """
        return derived_eid("import", str(self._dataset(named) or ""), key, self.mark, str(times))

    def check(self, columns: Sequence[str] | None) -> None:
        """Hold the options against the columns, where all records have the same ones.

        Raises:
            ImportMistake: No record could become an event; names the column and the option.
        """
        if columns is None:
            return
        for name in self.renamed:
            if name not in columns:
                raise ImportMistake(f"--map {name}=…: there is no such column; there are: {', '.join(columns)}")
        _refuse_names(self.renamed, columns)
        try:
            named = self.named(dict.fromkeys(columns))
            self._refuse_persons(named)
        except RejectedLine as error:
            raise ImportMistake(str(error)) from None
        if "si" not in named and not self._dataset(named):
            raise ImportMistake("no dataset id: pass --si ID, or set LEADRELAY_DATASET_ID")
        if not self.title and "ti" not in named:
            raise ImportMistake("no title: pass --title TEXT, or map a column to it, --map 'Action=ti'")
        if self.uid_from and self.uid_from not in named:
            raise ImportMistake(f"--uid-from {self.uid_from}: there is no such column; there are: {', '.join(columns)}")

    def named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Give a record's values under their wire names.

        Raises:
            RejectedLine: Two of them have one name.
        """
        named: dict[str, Any] = {}
        for name, value in values.items():
            wire = self.renamed.get(name, name)
            if wire in named:
                raise RejectedLine(f"two values are called {wire}: leave one out, for example --map '{wire}='")
            if wire or name not in self.renamed:
                named[wire] = value
        return {**named, **self.added}

    def event(self, named: Mapping[str, Any], eid: str) -> Event:
        """Make the event.

        Args:
            named: As `named` gives it: the arguments of `track_event`, `ti` among them.
            eid: Its id, unless the record has its own (`eid`, or `idempotency_key` from which one is derived).

        Raises:
            RejectedLine, InvalidEvent: Names what is wrong, never a value.
        """
        options, wire = split(named)
        self._require_person(wire)
        title = self.title or wire.pop("ti", None)
        if not title and not self.untitled:
            raise RejectedLine("no title: `ti`; --title gives one to all")
        si = self._dataset(wire)
        key = options.pop("idempotency_key", None)
        own = wire.pop("eid", None) or (derived_eid(str(si), str(key)) if key else None)
        if self.anonymous:
            options["lane"] = False
        properties = {name: value for name, value in wire.items() if name not in _FIXED}
        return Event.create(title, eid=own or eid, si=si, default_proxy=self.proxy, properties=properties, **options)

    def _dataset(self, named: Mapping[str, Any]) -> Any:
        return self.si or named.get("si") or self.default_si

    def _require_person(self, wire: dict[str, Any]) -> None:
        if self.anonymous:
            self._refuse_persons(wire)
            return
        if self.uid_from:
            wire["uid"] = wire.get(self.uid_from)
        if not any(str(wire.get(name) or "").strip() for name in self.identities):
            names = self.uid_from or ", ".join(self.identities)
            raise RejectedLine(f"{names}: empty or missing, so it is not known whom the line is about")

    def _refuse_persons(self, named: Mapping[str, Any]) -> None:
        """Hold `--anonymous` to its word."""
        found = [name for name in IDENTITIES if name in named] if self.anonymous else []
        if found:
            raise RejectedLine(
                f"{found[0]} names somebody, which --anonymous denies: leave it out, --map '{found[0]}=', or pass "
                f"--map {found[0]}={found[0]} instead of --anonymous"
            )


def time_of(named: Mapping[str, Any]) -> datetime | None:
    """Tell when a record happened, if it says so.

    Raises:
        RejectedLine: A name that must hold a time holds something else.
    """
    for name, must in TIMES.items():
        value = named.get(name)
        if value:
            at = _read_time(str(value))
            if at is None and must:
                raise RejectedLine(f"{name}: not a time (2026-05-17T10:05:03Z, or milliseconds since 1970)")
            return at
    return None


def pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Read the values of `--map` and `--set`: name=value, the last ``=`` divides a `--map`.

    Raises:
        ImportMistake: There is no ``=``, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.rpartition("=") if option == "--map" else text.partition("=")
        if not equals or name in found:
            raise ImportMistake(f"{option} {text}: " + ("comes twice" if equals else "write NAME=VALUE"))
        found[name] = value.strip() if option == "--map" else value
    return found


def _refuse_names(renamed: Mapping[str, str], columns: Sequence[str]) -> None:
    for column in columns:
        name = renamed.get(column, column)
        if (not name and column in renamed) or name in (*_FIXED, *OPTIONS, "proxy", "properties"):
            continue
        try:
            Event.create("t", eid="0" * 32, si="s", properties={name: ""})
        except InvalidEvent as error:
            raise ImportMistake(
                f"column {column!r} cannot be sent under this name ({error}); give it one, --map '{column}=name', or "
                f"leave it out, --map '{column}='"
            ) from None


def _read_time(text: str) -> datetime | None:
    try:
        if text.isascii() and text.isdigit() and len(text) == _MS_DIGITS:
            return _EPOCH + timedelta(milliseconds=int(text))
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
