"""What only this worker knows: its attempts and settlements, counted where their results come back.

With a prefork pool results come back to the parent too, so one process counts for all its children.
"""

from __future__ import annotations

import time
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import prometheus_client
from leadrelay.metrics.declared import WORKER
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from leadrelay_worker.health import health
from leadrelay_worker.transport import Transport

if TYPE_CHECKING:
    from leadrelay.metrics.declared import Metric
    from leadrelay.queue import Message

    from leadrelay_worker.delivery.attempt import Result

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call] # a second series for each counter, that nobody asks for

#: The classes of an attempt that was made; others were handed back before they began.
_MADE = frozenset({"accepted", "transient", "throttled", "misconfigured", "rejected"})


class Counters:
    """The metrics of one worker process, in a registry of their own."""

    def __init__(self) -> None:
        """Make what is declared; nothing is counted yet."""
        self.registry = CollectorRegistry(auto_describe=True)
        made = {metric.name.removeprefix("leadrelay_worker_"): _make(metric, self.registry) for metric in WORKER}
        self._info = made["info"]
        self._attempts, self._attempt_seconds = made["attempts_total"], made["attempt_seconds"]
        self._delivery_seconds, self._delivered = made["delivery_seconds"], made["delivered_total"]
        self._settled = made["settled_total"]
        made["held"].set_function(_held)
        made["loop_timestamp_seconds"].set_function(lambda: health.turned.at)
        made["broker_timestamp_seconds"].set_function(lambda: health.answered.at)

    def describe(self, worker: str, pool: str) -> None:
        """Say which worker this is."""
        self._info.labels(worker, pool, version("leadrelay")).set(1)

    def settled(self, kind: str) -> None:
        """Count a settlement."""
        _child(self._settled, kind).inc()

    def attempted(self, result: Result, message: Message) -> None:
        """Count an attempt and, if it delivered the event, how long that took since its acceptance."""
        if result.outcome not in _MADE:
            return
        _child(self._attempts, result.outcome, result.reason, result.status or "none").inc()
        _child(self._attempt_seconds, result.outcome).observe(result.runtime_s)
        if result.decision.kind == "delivered":
            self._delivery_seconds.observe(max(0.0, time.time() - message.accepted_ms / 1000))
            _child(self._delivered, _said(result.identity), _said(result.proxy)).inc()


def _make(metric: Metric, registry: CollectorRegistry) -> Any:
    if metric.kind == "histogram":
        return Histogram(metric.name, metric.meaning, metric.labels, buckets=metric.buckets, registry=registry)
    make = Counter if metric.kind == "counter" else Gauge
    return make(metric.name, metric.meaning, metric.labels, registry=registry)


@cache
def _child(metric: Any, *labels: str | int) -> Any:
    """Give a metric's child of these labels: looked up once, which halves what counting costs."""
    return metric.labels(*labels)


def _held() -> int:
    flight = Transport._flight  # noqa: SLF001 - none is made for this question
    return flight.holding if flight else 0


def _said(answer: bool) -> str:  # noqa: FBT001 - a label's value
    return "yes" if answer else "no"


counters = Counters()
