"""Faults on demand: rules that make the sandbox fail as endpoints do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: What a rule may say; see `Rule`.
_FIELDS = {"status", "share", "for_s", "retry_after", "delay_s", "drop", "body", "si", "ti"}
#: Numbers of a rule, and the most that each may be.
_MOST = {"share": 1, "for_s": 10**7, "retry_after": 10**7, "delay_s": 3600}


class BadRule(ValueError):
    """A rule cannot be used; the message says which field."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault.

    Args:
        status: Answer with it instead of accepting; None accepts.
        share: Part of the requests it hits, 0 to 1.
        until: Monotonic second at which it ends, None for never.
        retry_after: Seconds for the header of that name.
        delay_s: Seconds before the answer.
        drop: Cut the connection ``before`` the event is accepted or ``after``.
        body: Answer this text instead of the event id.
        si: Only events of this dataset.
        ti: Only events of this title.
    """

    status: int | None = None
    share: float = 1.0
    until: float | None = None
    retry_after: float | None = None
    delay_s: float = 0.0
    drop: str | None = None
    body: str | None = None
    si: str | None = None
    ti: str | None = None


@dataclass
class Faults:
    """The rules in force; the first that matches a request hits it."""

    rules: list[Rule] = field(default_factory=list)

    def replace(self, document: Any, now: float) -> None:
        """Take new rules as `PUT /_sandbox/faults` sends them; raises BadRule and changes nothing."""
        if not isinstance(document, dict) or not isinstance(document.get("rules"), list):
            raise BadRule('expected {"rules": [...]}')
        self.rules = [_rule(given, now) for given in document["rules"]]

    def match(self, params: dict[str, str], now: float, chance: float) -> Rule | None:
        """Give the rule that hits this request, if any; `chance` is a random number in [0, 1)."""
        for rule in self.rules:
            if rule.until is not None and now >= rule.until:
                continue
            if rule.si not in (None, params.get("si")) or rule.ti not in (None, params.get("ti")):
                continue
            if chance < rule.share:
                return rule
        return None

    def shown(self, now: float) -> dict[str, Any]:
        """Give the rules that hit something yet, as `replace` would take them."""
        return {"rules": [_shown(rule, now) for rule in self.rules if rule.until is None or now < rule.until]}


def _shown(rule: Rule, now: float) -> dict[str, Any]:
    named = {name: getattr(rule, name) for name in rule.__slots__ if name != "until"}
    left = {} if rule.until is None else {"for_s": round(rule.until - now, 1)}
    return {name: value for name, value in {**named, **left}.items() if value is not None}


def _number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST[name]:
        raise BadRule(f"{name}: a number from 0 to {_MOST[name]}")


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise BadRule(f"{name}: text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadRule(f"{name}: half a character (a lone surrogate)") from None


def _rule(given: Any, now: float) -> Rule:
    if not isinstance(given, dict):
        raise BadRule("a rule is an object")
    unknown = set(given) - _FIELDS
    if unknown:
        raise BadRule(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(_FIELDS))}")
    if given.get("drop") not in (None, "before", "after"):
        raise BadRule("drop: before or after")
    for name in _MOST.keys() & given.keys():
        _number(name, given[name])
    status = given.get("status")
    if status is not None and (not isinstance(status, int) or not 200 <= status <= 599):  # noqa: PLR2004
        raise BadRule("status: 200 to 599")
    for name in ("body", "si", "ti"):
        if name in given:
            _text(name, given[name])
    plain = {name: value for name, value in given.items() if name != "for_s" and value is not None}
    return Rule(**plain, until=now + given["for_s"] if "for_s" in given else None)
