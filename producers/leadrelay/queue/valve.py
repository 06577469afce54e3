"""The valve: what the claim may hand out, and how a user reads it (`sending`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from leadrelay.queue.core import Queue

#: ``limited``: closed, at a rate.
BreakerState = Literal["open", "half_open", "limited", "closed"]

#: Key of the breaker of all; that of a dataset is its scope, that of a worker ``@`` and its name.
ALL = ""


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker as the valve holds it.

    Args:
        key: `ALL`, a scope, or ``@`` and a worker.
        state: Its state; a scope that was closed drains what waited, then it is forgotten.
        reason: Why, in words.
        since_ms: Broker time since which there has been trouble; None is now, when it is set.
        probe_ms: When an open one lets a probe through, if that is known.
        rate: Events a second of a limited one.
        tripped_by: Sequence number of the event that opened it; the probe is another one if there is one.
    """

    key: str
    state: BreakerState | Literal["draining"]
    reason: str = ""
    since_ms: int | None = None
    probe_ms: int | None = None
    rate: float | None = None
    tripped_by: int | None = None

    def arguments(self, *, record: bool) -> tuple[object, ...]:
        """Give the arguments of the script's change, in its order."""
        optional = (self.since_ms, self.probe_ms, self.rate, self.tripped_by)
        given = ("" if value is None else value for value in optional)
        return (self.key, self.state, self.reason, *given, "1" if record else "")


@dataclass(frozen=True)
class Sending:
    """Whether events flow.

    Args:
        state: ``on``, ``paused``, ``breaker open`` or ``breaker half-open``.
        reason: Who and why, ``""`` when all is well.
        since_ms: Broker time of the change, None when all is well.
        until_ms: When a pause ends by itself.
        rate: Events a second at most, by whatever limits them now; None when nothing does.
        ceiling: The operator's part of it.
        breakers: Those that are not closed.
    """

    state: str
    reason: str
    since_ms: int | None
    until_ms: int | None
    rate: float | None
    ceiling: float | None
    breakers: tuple[Breaker, ...]


class Valve:
    """An operator's changes of the valve; every one is recorded with who made it."""

    def __init__(self, queue: Queue) -> None:
        """Act on `queue`."""
        self._queue = queue

    def pause(self, by: str, reason: str = "", for_s: float | None = None) -> None:
        """Stop handing out, until `resume` or for `for_s` seconds."""
        self._change(by, "pause", int(for_s * 1000) if for_s else 0, reason)

    def resume(self, by: str) -> None:
        """End a pause, and try at once whatever a breaker holds back."""
        change(self._queue, by, "", [("resume",), ("probe",)])

    def set_rate(self, by: str, per_s: float | None) -> None:
        """Hand out at most `per_s` events a second over all workers; None lifts this ceiling."""
        self._change(by, "ceiling", "" if per_s is None else per_s)

    def force(self, by: str, key: str = ALL) -> None:
        """Close a breaker (`ALL`: every one), at a low rate that grows; what is rejected then becomes dead letters."""
        self._change(by, "force", key)

    def set_full(self, for_s: float) -> None:
        """Refuse new events for `for_s` seconds, at most 60 (the memory watermark); 0 takes it back."""
        self._change("leadrelay", "full", int(for_s * 1000))

    def _change(self, by: str, operation: str, *args: object) -> None:
        change(self._queue, by, "", [(operation, *args)])


def change(queue: Queue, by: str, term: int | str, changes: Iterable[tuple[object, ...]]) -> bool:
    """Run changes of the valve in one step.

    Args:
        queue: Whose valve.
        by: An operator, or the worker that is the controller.
        term: The controller's term, ``""`` for an operator.
        changes: Operations with their arguments, as ``lua/valve.lua`` lists them.

    Returns:
        False when the term has ended, so that nothing was changed.
    """
    args = [part for operation, *given in changes for part in (operation, len(given), *given)]
    return bool(queue.run("valve", by, term, *args))


def read_breakers(valve: Mapping[str, str]) -> tuple[Breaker, ...]:
    """Read the breakers that are not closed out of the valve's hash."""
    found = []
    if "breaker" in valve or "breaker_told" in valve:
        state = valve.get("breaker", "limited")
        found.append(_breaker(ALL, state, valve.get("breaker_told", ""), valve.get("rate"), valve.get("tripped_by")))
    for field, state in sorted(valve.items()):
        kind, _, key = field.partition(":")
        if kind == "b":
            told, rate, tripped_by = (valve.get(f"{part}:{key}") for part in "rqt")
            found.append(_breaker(key, state, told or "", rate, tripped_by))
    return tuple(found)


def _breaker(key: str, state: str, told: str, rate: str | None, tripped_by: str | None) -> Breaker:
    since, _, rest = told.partition(" ")
    probe, _, reason = rest.partition(" ")
    return Breaker(
        key=key,
        state=state,  # type: ignore[arg-type] # as the script wrote it
        reason=reason,
        since_ms=int(since) if since.isdigit() else None,
        probe_ms=int(probe) if probe.isdigit() and probe != "0" else None,
        rate=float(rate) if rate else None,
        tripped_by=int(tripped_by) if tripped_by else None,
    )


def read_sending(valve: Mapping[str, str], now_ms: int) -> Sending:
    """Read the state of sending out of the valve's hash, at this broker time."""
    breakers = read_breakers(valve)
    rates = [float(valve[field]) for field in ("rate", "ceiling") if field in valve]
    until = int(valve["pause_until"]) if "pause_until" in valve else None
    paused = "paused" in valve and (until is None or now_ms < until)
    state, reason, since = _by_breakers(breakers)
    if paused:
        why = f": {valve['pause_reason']}" if valve.get("pause_reason") else ""
        state, reason, since = "paused", f"by {valve.get('pause_by', '?')}{why}", int(valve["pause_since"])
    return Sending(
        state=state,
        reason=reason,
        since_ms=since,
        until_ms=until if paused else None,
        rate=min(rates + [breaker.rate for breaker in breakers if breaker.rate], default=None),
        ceiling=float(valve["ceiling"]) if "ceiling" in valve else None,
        breakers=breakers,
    )


#: Which breaker says most about sending: the first of these states that one is in.
_WORST = ("open", "half_open", "limited")


def _by_breakers(breakers: tuple[Breaker, ...]) -> tuple[str, str, int | None]:
    """Give state, reason and since by the breaker that matters most: that of all, else the worst dataset's."""
    of_datasets = [breaker for breaker in breakers if not breaker.key.startswith("@") and breaker.state in _WORST]
    if not of_datasets:
        return "on", "", None
    worst = min(of_datasets, key=lambda breaker: (breaker.key != ALL, _WORST.index(breaker.state)))
    others = len(of_datasets) - 1
    dataset = f"for dataset {worst.key}: " if worst.key else ""
    more = f" (and {others} more dataset{'s' * (others > 1)})" if others else ""
    state = "on" if worst.state == "limited" else f"breaker {worst.state.replace('_', '-')}"
    return state, f"{dataset}{worst.reason}{more}", worst.since_ms
