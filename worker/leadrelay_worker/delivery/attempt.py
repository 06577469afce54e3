"""The attempt: what runs in the pool for each message. It never raises and holds nothing that must not be lost."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from leadrelay import __name__ as _package
from leadrelay.failpoints import failpoint
from leadrelay.invalid import is_refused
from leadrelay.label import shown_title
from leadrelay.lane import identity_of
from leadrelay.queue.message import wire_of
from leadrelay.settings import Settings
from leadrelay.trackapi.forms import USER_AGENT, encode

from leadrelay_worker.delivery.classify import classify
from leadrelay_worker.delivery.destination import Destination
from leadrelay_worker.delivery.outcome import Seen, Verdict
from leadrelay_worker.delivery.retry import DEFAULT, Decision, decide, read_retry_after
from leadrelay_worker.gate import gate
from leadrelay_worker.logline import attempts

_AGENT = f"{_package}/0.1"


@dataclass(frozen=True, slots=True, repr=False)
class Job:
    """What an attempt needs, small enough to be sent to a child process.

    Args:
        eid: Event id.
        seq: Its number in the queue.
        attempt: Number of this attempt, from 1.
        age_ms: Age in open time.
        scope: Of its dataset.
        claimed: Monotonic second of its claim.
        owned_until: Monotonic second until which the lease surely stands.
        payload: As in the queue.
        stale: Newer values of the same person have gone out before it.
    """

    eid: str
    seq: int
    attempt: int
    age_ms: int
    scope: str
    claimed: float
    owned_until: float
    payload: bytes
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to.

    Args:
        decision: What becomes of the event.
        entry: For its history, ``""`` when no attempt was made.
        outcome: As `classify` gives it, or why none was made.
        reason: A short class.
        runtime_s: How long it took.
        title: As reports may show it.
        status: HTTP status, None without an answer.
        identity: Whether the event names a person.
        proxy: Whether it says ``proxy=true``.
    """

    decision: Decision
    entry: str
    outcome: str
    reason: str
    runtime_s: float
    title: str = ""
    status: int | None = None
    identity: bool = False
    proxy: bool = False


def attempt(job: Job) -> Result:
    """Try once to deliver; the caller settles what it returns."""
    started = time.monotonic()
    if started >= job.owned_until:
        return Result(Decision("ready"), "", "lost", "lease", 0.0)
    if gate.shut(job.scope, job.claimed):
        return Result(Decision("ready"), "", "handed back", "sending stopped", 0.0)
    failpoint("attempt.before")
    request = _request(job.payload)
    if request is None:
        reason = "invalid" if is_refused(job.payload) else "malformed"
        return _finish(job, started, Verdict("rejected", reason), Decision("dead", reason), Seen())
    try:
        seen = _destination().send(request.form, request.user_agent)
    except Exception as error:  # noqa: BLE001 - an event must not be lost to a bug of ours; its class is told, not its text
        seen = Seen(failure=f"internal:{type(error).__name__}", unknown=True)
    failpoint("attempt.sent")
    verdict = classify(seen, job.eid)
    hint = read_retry_after(seen.retry_after, datetime.now(UTC))
    decision = decide(verdict, job.attempt, job.age_ms, random.random(), hint, DEFAULT)  # noqa: S311
    return _finish(job, started, verdict, decision, seen, request)


class _Request(NamedTuple):
    """What a payload asks to be sent; its title as reports show it, whether it names a person and says proxy=true."""

    form: str
    user_agent: str
    title: str
    identity: bool
    proxy: bool


_NO_EVENT = _Request("", "", "", identity=False, proxy=False)


def _request(payload: bytes) -> _Request | None:
    """Read a payload; None when it is no event."""
    params = wire_of(payload)
    if params is None:
        return None
    return _Request(
        encode(params),
        params.get(USER_AGENT, _AGENT),
        shown_title(params.get("ti", "")),
        identity=bool(identity_of(params)),
        proxy="proxy" in params,
    )


def _finish(
    job: Job, started: float, verdict: Verdict, decision: Decision, seen: Seen, request: _Request = _NO_EVENT
) -> Result:
    runtime = time.monotonic() - started
    took = int(runtime * 1000)
    status = seen.status or "-"
    flags = " other_id" * verdict.other_id + " unknown_result" * seen.unknown + " stale" * job.stale
    attempts.write(
        f"event=attempt eid={job.eid} seq={job.seq} attempt={job.attempt} outcome={verdict.outcome} "
        f"reason={verdict.reason} status={status} ms={took} next={decision.kind}"
        f"{'=' + decision.argument if decision.argument else ''}{flags}"
    )
    if job.stale:  # at once: only this line says when older values were put over newer
        attempts.flush()
    unknown = "?" if seen.unknown else ""
    entry = (
        f"{int(time.time() * 1000)}:{job.attempt}:{verdict.outcome}{unknown}:{verdict.reason.replace(':', '.')}:{took}"
    )
    failpoint("decision.made")
    return Result(
        decision, entry, verdict.outcome, verdict.reason, runtime,
        title=request.title, status=seen.status, identity=request.identity, proxy=request.proxy,
    )  # fmt: skip


_of_process: tuple[int, Destination] | None = None


def _destination() -> Destination:
    """Give this process's destination (a prefork child opens its own)."""
    global _of_process  # noqa: PLW0603 - one per process
    if _of_process is None or _of_process[0] != os.getpid():
        settings = Settings.load()
        made = Destination(settings.destination_url, method=settings.method, pool_size=settings.concurrency)
        _of_process = (os.getpid(), made)
    return _of_process[1]
