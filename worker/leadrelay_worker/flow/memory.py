"""The controller's memory as text: it lies in the broker, so that the next controller goes on from it."""

from __future__ import annotations

import json
from dataclasses import astuple, fields
from typing import Any

from leadrelay_worker.flow.breaker import Breaker
from leadrelay_worker.flow.evidence import Bucket
from leadrelay_worker.flow.policy import Memory

#: Changes with the fields; a memory of another version is forgotten, and the valve's own state taken over.
VERSION = 1


def write(memory: Memory) -> str:
    """Render it."""
    breakers = {key: astuple(breaker) for key, breaker in memory.breakers.items()}
    return json.dumps([VERSION, memory.at_ms, memory.good, breakers], separators=(",", ":"))


def read(text: str) -> Memory:
    """Read it; what cannot be read is an empty memory."""
    try:
        version, at_ms, good, breakers = json.loads(text or "[0,0,0,{}]")
        if version != VERSION:
            return Memory()
        return Memory(at_ms, good, {key: _breaker(values) for key, values in breakers.items()})
    except (ValueError, TypeError, AttributeError):
        return Memory()


def _breaker(values: list[Any]) -> Breaker:
    named: dict[str, Any] = dict(zip((field.name for field in fields(Breaker)), values, strict=True))
    buckets = (Bucket(at_ms, _rows(counts), _rows(events)) for at_ms, counts, events in named.pop("window"))
    return Breaker(**{**named, "refused": _rows(named["refused"])}, window=tuple(buckets))


def _rows(rows: list[list[Any]]) -> tuple[Any, ...]:
    return tuple(tuple(row) for row in rows)
