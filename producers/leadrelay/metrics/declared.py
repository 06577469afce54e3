"""Every metric, declared once: its name, its type, what it says, its labels. `docs/metrics.md` is held against it.

Names follow Prometheus: base units, ``_total`` for what only grows. Label values are bounded and name nobody: a dataset
is its short hash, as in `leadrelay status`, and titles are no labels, since an application may make any number of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

#: Seconds of one attempt: a local answer, a usual one, up to the deadline of 8 s.
_ATTEMPT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
#: Seconds from acceptance to delivery: at once, after a retry, after an outage, at the end of seven days.
_DELIVERY_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0, 604_800.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        name: As Prometheus shows it.
        kind: Its type.
        meaning: One sentence, also the HELP line.
        labels: Beside ``queue``, which those read from the broker carry first.
        buckets: Upper bounds of a histogram, in its unit.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


#: Read from the broker, or from the home of the process that exports: the same whoever exports them. Each carries
#: ``queue``, the namespace.
QUEUE: tuple[Metric, ...] = (
    Metric("leadrelay_up", "gauge", "1 when the broker could be read for this scrape, else 0."),
    Metric("leadrelay_read_seconds", "gauge", "How long reading the broker took for this scrape."),
    Metric("leadrelay_accepted_total", "counter", "Events taken into the queue, adopted ones among them."),
    Metric("leadrelay_adopted_total", "counter", "Events taken from the inbox of plain Celery producers."),
    Metric("leadrelay_delivered_total", "counter", "Events that the endpoint took."),
    Metric("leadrelay_dropped_total", "counter", "Events dropped by a recorded act of an operator or a policy."),
    Metric("leadrelay_late_total", "counter", "Settlements that came after their claim had ended, and moved nothing."),
    Metric("leadrelay_retried_total", "counter", "Attempts after which an event was scheduled again."),
    Metric("leadrelay_rescued_total", "counter", "Events taken back from workers that were gone."),
    Metric("leadrelay_replayed_total", "counter", "Dead letters put back into the queue."),
    Metric("leadrelay_deduplicated_total", "counter", "Events not taken since the queue had just taken their eid."),
    Metric("leadrelay_events", "gauge", "Events in each state of the ledger, and messages in the inbox.", ("state",)),
    Metric(
        "leadrelay_dead_letters",
        "gauge",
        "Dead letters by reason; `older` died before the days of reports.",
        ("reason",),
    ),
    Metric("leadrelay_lag_seconds", "gauge", "Age of the oldest event that is ready, 0 when none is."),
    Metric(
        "leadrelay_headroom_seconds",
        "gauge",
        "Time until the broker is full at the growth of the last minutes; +Inf without growth.",
    ),
    Metric(
        "leadrelay_outage_headroom_seconds", "gauge", "Time until the broker is full if nothing more were delivered."
    ),
    Metric("leadrelay_broker_memory_used_bytes", "gauge", "Memory that the broker uses."),
    Metric("leadrelay_broker_memory_limit_bytes", "gauge", "Its limit, else the memory of its machine."),
    Metric("leadrelay_books_balanced", "gauge", "1 when every accepted event is in exactly one place, else 0."),
    Metric(
        "leadrelay_rewinds",
        "gauge",
        "Times that the broker came back with less than the witness of this home had seen.",
    ),
    Metric("leadrelay_workers", "gauge", "Workers that are alive: heard of within 15 s, their process there."),
    Metric(
        "leadrelay_sending",
        "gauge",
        "1 for the state in which sending is: on, paused, breaker_open, breaker_half_open.",
        ("state",),
    ),
    Metric("leadrelay_sending_limit_per_second", "gauge", "Events a second at most; missing when nothing limits them."),
    Metric(
        "leadrelay_breaker",
        "gauge",
        "1 for each breaker that is not closed: of all, a dataset (its short hash) or a worker.",
        ("of", "name", "state"),
    ),
    Metric(
        "leadrelay_doctor_findings",
        "gauge",
        "What the doctor finds of broker and queue, by check and level.",
        ("check", "level"),
    ),
    Metric(
        "leadrelay_replay_letters",
        "gauge",
        "Letters put back so far by each replay that has not come to its end.",
        ("replay", "state"),
    ),
    Metric(
        "leadrelay_replay_step_timestamp_seconds",
        "gauge",
        "When such a replay made its last step.",
        ("replay", "state"),
    ),
    Metric("leadrelay_spool_events", "gauge", "Events on the disk of this home, on their way to the broker."),
    Metric("leadrelay_spool_bytes", "gauge", "Bytes that they take."),
    Metric("leadrelay_spool_oldest_seconds", "gauge", "Age of the oldest of them, 0 when there is none."),
    Metric("leadrelay_spool_lost_total", "counter", "Events that this home's spool could not keep."),
)

#: Counted in one worker process, of the children of a prefork pool too.
WORKER: tuple[Metric, ...] = (
    Metric("leadrelay_worker_info", "gauge", "1, with what this worker is.", ("worker", "pool", "version")),
    Metric(
        "leadrelay_worker_attempts_total",
        "counter",
        "Attempts by outcome, reason and HTTP status (`none` without an answer).",
        ("outcome", "reason", "status"),
    ),
    Metric("leadrelay_worker_attempt_seconds", "histogram", "How long attempts took.", ("outcome",), _ATTEMPT_BUCKETS),
    Metric(
        "leadrelay_worker_delivery_seconds",
        "histogram",
        "From acceptance to delivery, by this machine's clock.",
        (),
        _DELIVERY_BUCKETS,
    ),
    Metric(
        "leadrelay_worker_delivered_total",
        "counter",
        "Delivered events: whether they name a person, whether they say proxy=true.",
        ("identity", "proxy"),
    ),
    Metric("leadrelay_worker_settled_total", "counter", "What became of messages in flight.", ("kind",)),
    Metric("leadrelay_worker_held", "gauge", "Messages that this worker holds now."),
    Metric("leadrelay_worker_loop_timestamp_seconds", "gauge", "When the worker's event loop last came round."),
    Metric("leadrelay_worker_broker_timestamp_seconds", "gauge", "When the broker last answered this worker."),
)

#: Counted in one gateway process.
GATEWAY: tuple[Metric, ...] = (
    Metric(
        "leadrelay_gateway_requests_total",
        "counter",
        "Requests by the status of the answer; `cut`: the connection was cut instead, `gone`: the client left.",
        ("status",),
    ),
    Metric("leadrelay_gateway_accepted_events_total", "counter", "Events that are safe."),
    Metric("leadrelay_gateway_refused_lines_total", "counter", "Events of uploads that were not taken."),
    Metric(
        "leadrelay_gateway_calls_total", "counter", "Calls to the queue, each with what came during the one before."
    ),
    Metric("leadrelay_gateway_failed_calls_total", "counter", "Calls that the queue did not answer or refused."),
    Metric("leadrelay_gateway_waiting_events", "gauge", "Events that wait for the queue."),
    Metric("leadrelay_gateway_connections", "gauge", "Open connections."),
    Metric("leadrelay_gateway_too_many_connections_total", "counter", "Connections cut because there were too many."),
    Metric("leadrelay_gateway_slow_connections_total", "counter", "Connections cut because they were too slow."),
)

TABLE: tuple[Metric, ...] = (*QUEUE, *WORKER, *GATEWAY)

#: States of sending, as label values.
SENDING_STATES = ("on", "paused", "breaker_open", "breaker_half_open")
