"""From a claimed message to an attempt in the pool, and from its result to a settlement.

Celery's own path through its tracer raises, pickles and logs; an attempt returns a decision instead. The rest of
Celery stays: revoke, inspect, time limits, pools, events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.exceptions import TaskRevokedError
from celery.worker import state
from celery.worker.request import Request
from leadrelay.failpoints import failpoint
from leadrelay.forgotten import REASON

from leadrelay_worker.counters import counters
from leadrelay_worker.delivery.attempt import Job, Result, attempt
from leadrelay_worker.endings import endings
from leadrelay_worker.logline import INTERVAL_S, attempts
from leadrelay_worker.taskevents import task_events
from leadrelay_worker.transport import Transport
from leadrelay_worker.transport.channel import CLAIMED
from leadrelay_worker.transport.flight import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from leadrelay_worker.transport.flight import Flight

#: Seconds after which a prefork child is killed: above the deadline of an attempt (8 s), below the lease (30 s).
STOP_S = 10.0

#: What Celery sees as the task's body: nothing of the event, so nothing of it can be shown.
_BODY: tuple[tuple[()], dict[str, Any], dict[str, Any]] = ((), {}, {})


class TrackRequest(Request):
    """One message in the hands of the pool."""

    flight: Flight
    acknowledged: bool

    def execute_using_pool(self, pool: Any, **_: Any) -> Any:
        """Hand the attempt to the pool."""
        if self.revoked():
            raise TaskRevokedError(self.id)
        claimed = self.message.properties[CLAIMED]
        message = claimed.message
        job = Job(
            eid=message.eid,
            seq=message.seq,
            attempt=message.attempts + 1,
            age_ms=claimed.age_ms,
            scope=message.scope,
            claimed=self.flight.claimed_at(claimed.token),
            owned_until=self.flight.lease_until,
            payload=message.payload,
            stale=message.stale,
        )
        return pool.apply_async(
            attempt,
            args=(job,),
            accept_callback=self.on_accepted,
            timeout_callback=self.on_timeout,
            callback=self.on_success,
            error_callback=self.on_failure,
            timeout=STOP_S,
            correlation_id=self.id,
        )

    def revoked(self) -> bool:
        """Honour a revoke by the event id, or by the task id of a plain Celery producer: the same, with dashes."""
        eid = self.id
        if "-".join((eid[:8], eid[8:12], eid[12:16], eid[16:20], eid[20:])) in state.revoked:
            state.revoked.add(eid)
        return bool(super().revoked())

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Note that the pool began."""
        del time_accepted
        self.worker_pid = pid
        state.task_accepted(self)
        task_events.add("task-started", self.id)

    def on_success(self, result: Result, **_: Any) -> None:
        """Settle by the attempt's decision (in a pool thread, or in the parent of a child)."""
        decision = result.decision
        counters.attempted(result, self.message.properties[CLAIMED].message)
        if decision.kind == "dead":  # the queue has the last word
            self._settle("dead", decision.argument, result.entry, lambda died: self._end_dead(result, died=died))
            return
        self._settle(decision.kind, decision.argument, result.entry)
        if decision.kind == "delivered":
            self._end("delivered", result.reason, result)
            task_events.add("task-succeeded", self.id, result=result.reason, runtime=result.runtime_s)
        else:
            task_events.add("task-retried", self.id, exception=f"{result.outcome}: {result.reason}", traceback="")

    def _end_dead(self, result: Result, *, died: bool) -> None:
        """Tell of an event that was to be dead: rejected ones wait when too many in a row were."""
        reason = result.decision.argument
        if died:
            self._end("dead", reason, result)
            task_events.add("task-failed", self.id, exception=f"{reason}: {result.reason}", traceback="")
        else:
            task_events.add("task-retried", self.id, exception=f"{reason}: {result.reason}; it waits", traceback="")

    def _end(self, outcome: str, reason: str, result: Result) -> None:
        endings.add(self.message.properties[CLAIMED].message, outcome, reason, result.title, result.entry)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:  # noqa: FBT001, FBT002
        """Take back a message whose child died: it is a suspect."""
        del send_failed_event, return_ok
        self._settle("suspect")
        task_events.add("task-failed", self.id, exception=type(exc_info.exception).__name__, traceback="")

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001
        """Take back a message whose child was stopped."""
        if not soft:
            self._settle("suspect")
            task_events.add("task-failed", self.id, exception=f"stopped after {timeout:.0f} s", traceback="")

    def info(self, safe: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
        """Describe the request to `inspect`, without the event."""
        return {**super().info(safe), "args": [], "kwargs": {}}

    def forget(self) -> bool:
        """Drop the event instead of sending it if its person is forgotten; gives whether it is dropped."""
        message = self.message.properties[CLAIMED].message
        if not self.flight.forgotten.covers_message(message):
            return False
        self._settle("dropped", REASON)
        endings.add(message, "dropped", REASON)
        task_events.add("task-rejected", self.id, requeue=False)
        return True

    def _announce_revoked(self, reason: str, *args: Any) -> None:
        self._settle("dropped", reason)
        endings.add(self.message.properties[CLAIMED].message, "dropped", reason)
        super()._announce_revoked(reason, *args)

    def _settle(
        self, kind: Any, argument: str = "", entry: str = "", when_told: Callable[[bool], None] | None = None
    ) -> None:
        if self.acknowledged:
            return
        self.acknowledged = True
        failpoint("settle.before")
        waiting = self.flight.settle(self.message.delivery_tag, kind, argument, entry, when_told)
        counters.settled(kind)
        state.task_ready(self)
        if waiting in (1, BATCH):
            Transport.nudge()


def strategy(task: Any, app: Any, consumer: Any) -> Callable[..., None]:
    """Make the function that Celery calls for each message of the task (`Task.Strategy`)."""
    flight = consumer.connection.transport.flight
    task_events.attach(consumer.event_dispatcher, consumer.hub)
    consumer.hub.call_repeatedly(INTERVAL_S, attempts.flush)
    consumer.hub.call_repeatedly(INTERVAL_S, endings.flush)
    fixed = {
        "app": app,
        "hostname": consumer.hostname,
        "eventer": None,
        "task": task,
        "connection_errors": consumer.connection_errors,
        "body": _BODY,
        "decoded": True,
    }
    handle = consumer.on_task_request

    def on_message(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any) -> None:
        del body
        request = TrackRequest(message, on_ack=ack, on_reject=reject, headers=message.headers, **fixed)
        request.flight = flight
        if (state.revoked and request.revoked()) or request.forget():
            return
        task_events.add("task-received", request.id, name=task.name, args="()", kwargs={}, retries=0)
        state.task_reserved(request)
        for callback in callbacks or ():
            callback(request)
        handle(request)

    return on_message
