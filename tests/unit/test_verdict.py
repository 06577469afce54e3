"""The verdict in words: each state with why, since when, how much room, and what to do."""

from dataclasses import replace

import pytest
from leadrelay.catchup import Estimate
from leadrelay.queue.books import HELD_STATES, Books
from leadrelay.queue.samples import Sample, sample_of
from leadrelay.queue.success import success_of
from leadrelay.queue.valve import ALL, Breaker, Sending
from leadrelay.verdict import DEATHS_MS, SOON_S, Numbers, away, judge

NOW = 1_800_000_000_000
AGO = NOW - 300_000
SINCE = ", since 2027-01-15 07:55:00Z (5.0 min)"
ON = Sending("on", "", None, None, None, None, ())
PAUSED = replace(ON, state="paused", reason="by ann: upgrade", since_ms=AGO)
WHY = "503 for 100% of 20 attempts; 2 probes failed"
OPEN = replace(ON, state="breaker open", reason=WHY, since_ms=AGO, breakers=(Breaker(ALL, "open", WHY, AGO),))
OF_ONE = replace(
    OPEN, reason=f"for dataset ab12: {WHY}", breakers=(Breaker("ab12", "open", WHY, AGO), Breaker(ALL, "limited"))
)
SLOW = replace(
    ON, reason="it begins slowly after an outage", since_ms=AGO, rate=4.0, breakers=(Breaker(ALL, "limited", rate=4.0),)
)
ALONE = replace(ON, breakers=(Breaker("@worker/7-a-b", "open", "no name for 100% of 20 attempts", AGO),))
START = "start a worker, none is alive: leadrelay worker"
TRY = (
    "nothing, one event at a time tries whether the endpoint is back; to try now: leadrelay resume",
    "see what the endpoint answers: leadrelay doctor",
)
FULL = "give the broker more memory, or drop dead letters that nobody needs: leadrelay dead drop"
NOTHING = Estimate(0.0)
STOPPED = Estimate(None, "breaker open")


def books(sending=ON, workers=1, heard=None, off=0, **numbers):
    names = "accepted adopted delivered ready scheduled held in_flight inbox dead dropped late retried rescued replayed"
    counted = {**dict.fromkeys([*names.split(), "gave_way", "deduplicated", "died", "epoch", "seq"], 0), **numbers}
    states = {state: counted[state] for state in HELD_STATES}
    counted["accepted"] = sum(states.values()) + counted["delivered"]
    states["ready"] += off
    return Books(
        **{"attempts": {}, **counted}, now_ms=NOW, oldest_ms=None, workers=workers, worker_heard_ms=heard,
        expected=states, lengths={"dead_at": counted["dead"], "bulk": 0}, sending=sending,
    )  # fmt: skip


def judged(read, before=(), headroom_s=None, left=float("inf"), caught_up=NOTHING, **more):
    now = sample_of(read)
    return judge(Numbers(read, before, now, headroom_s, left, caught_up, success_of([*before, now]), **more))


@pytest.mark.parametrize(
    ("verdict", "level", "state", "flow", "to_do"),
    [
        (judged(books()), "ok", "idle", "Events flow: none waits", ()),
        (judged(books(ready=3)), "ok", "flows", "Events flow; 3 wait", ()),
        (
            judged(books(ready=1200, scheduled=34), caught_up=Estimate(204.0)),
            "ok", "flows", "Events flow; 1,234 wait, caught up in about 3.4 min", (),
        ),
        (
            judged(books(SLOW, ready=50), caught_up=Estimate(20.0)),
            "ok", "flows",
            f"Events flow: it begins slowly after an outage{SINCE}; 50 wait, caught up in about 20.0 s", (),
        ),
        (
            judged(books(ready=9), caught_up=Estimate(None, "not catching up: 5.0 events/s arrive, 4.0 leave")),
            "warning", "behind",
            "Events flow, more slowly than they come; 9 wait: 5.0 events/s arrive, 4.0 leave",
            ("start more workers: leadrelay worker",),
        ),
        (
            judged(
                books(replace(ON, ceiling=4.0, rate=4.0), ready=9),
                caught_up=Estimate(None, "not catching up: 5.0 events/s arrive, 4.0 leave"),
            ),
            "warning", "behind",
            "Events flow, more slowly than they come; 9 wait: 5.0 events/s arrive, 4.0 leave",
            ("raise the ceiling of 4 events/s: leadrelay rate",),
        ),
        (
            judged(books(PAUSED, ready=7), left=6_123_456.0),
            "warning", "paused", f"Sending is paused by ann: upgrade{SINCE}; 7 wait; room for about 10,000 more",
            ("when the reason is gone: leadrelay resume",),
        ),
        (
            judged(books(replace(PAUSED, until_ms=NOW + 60_000))),
            "warning", "paused", f"Sending is paused by ann: upgrade{SINCE}, until 2027-01-15 08:01:00Z",
            ("nothing, it ends by itself; sooner: leadrelay resume",),
        ),
        (
            judged(books(PAUSED, workers=0)),
            "warning", "paused", f"Sending is paused by ann: upgrade{SINCE}",
            ("when the reason is gone: leadrelay resume", START),
        ),
        (
            judged(books(OPEN, ready=7), headroom_s=7200.0, left=1.0, caught_up=STOPPED),
            "problem", "stopped", f"Events do not flow: {WHY}{SINCE}; 7 wait; full in 2.0 h as it grows now", TRY,
        ),
        (
            judged(books(replace(OPEN, state="breaker half-open"), ready=7)),
            "problem", "stopped", f"Events do not flow: {WHY}{SINCE}; 7 wait", TRY,
        ),
        (
            judged(books(OF_ONE, held=7)),
            "problem", "stopped", f"Some events do not flow: for dataset ab12: {WHY}{SINCE}; 7 wait", TRY,
        ),
        (
            judged(books(workers=0, heard=AGO, inbox=3)),
            "problem", "no_workers", f"Events do not flow: no worker is alive{SINCE}; 3 wait", (START,),
        ),
        (
            judged(books(workers=0, ready=3), [Sample(AGO, workers=1), Sample(AGO + 1)]),
            "problem", "no_workers", f"Events do not flow: no worker is alive{SINCE}; 3 wait", (START,),
        ),
        (
            judged(books(workers=0)),
            "warning", "no_workers", "Nothing waits, and nobody would send it: no worker is alive", (START,),
        ),
        (
            judged(books(OPEN, workers=0, ready=3)),
            "problem", "no_workers", f"Events do not flow: no worker is alive (before that: {WHY}); 3 wait", (START,),
        ),
        (
            judged(books(scheduled=3, attempts={"accepted": 2, "transient": 8}), [Sample(NOW - 60_000)]),
            "warning", "failing", "Events hardly flow: 80% of 10 attempts in the last 5 min failed; 3 wait",
            ("see what the endpoint answers: leadrelay doctor, and the worker's log",),
        ),
        (
            judged(books(), left=0.0, headroom_s=0.0),
            "problem", "full", "New events are refused: the broker's memory is full", (FULL,),
        ),
        (
            judged(books(PAUSED, ready=7), left=-1.0, headroom_s=0.0),
            "problem", "full",
            f"New events are refused: the broker's memory is full. Sending is paused by ann: upgrade{SINCE}; 7 wait",
            (FULL, "when the reason is gone: leadrelay resume"),
        ),
        (
            judged(books(OPEN, workers=0, ready=7), refuses="the broker refuses to serve (MISCONF: …)"),
            "problem", "refused", "Events do not flow: the broker refuses to serve (MISCONF: …); 7 wait",
            ("mend the broker, its log says what it needs: leadrelay doctor; meanwhile applications spool",),
        ),
        (
            judged(books(ready=3), headroom_s=SOON_S - 1, left=9.0),
            "problem", "flows", "Events flow; 3 wait; full in 60.0 min as it grows now",
            ("give the broker more memory: in 60.0 min it refuses new events",),
        ),
        (
            judged(books(), headroom_s=SOON_S, left=9.0),
            "ok", "idle", "Events flow: none waits; full in 1.0 h as it grows now", (),
        ),
        (
            judged(books(ready=3, off=2)),
            "problem", "flows", "Events flow; 3 wait",
            ("leadrelay verify: ready: 3 events, the ledger says 5 (2 lost)",),
        ),
        (
            judged(books(), rewinds=["the broker lost at most 3 accepted events"]),
            "problem", "idle", "Events flow: none waits",
            ("leadrelay verify: the broker lost at most 3 accepted events",),
        ),
        (
            judged(books(died=12, dead=12), [Sample(NOW - DEATHS_MS)]),
            "warning", "idle", "Events flow: none waits",
            ("see why 12 events died in the last 5 min: leadrelay dead list",),
        ),
        (judged(books(died=12, dead=12), [Sample(NOW - DEATHS_MS - 1)]), "ok", "idle", "Events flow: none waits", ()),
        (
            judged(books(ALONE, ready=3)),
            "warning", "flows", "Events flow; 3 wait",
            ("look at the worker worker/7-a-b, which is stopped: no name for 100% of 20 attempts",),
        ),
        (
            away("the broker cannot be reached (refused)", "LEADRELAY_BROKER_URL (redis://b)"),
            "problem", "away", "Events do not flow: the broker cannot be reached (refused)",
            ("check LEADRELAY_BROKER_URL (redis://b): leadrelay doctor; meanwhile applications spool",),
        ),
    ],
)  # fmt: skip
def test_what_is_said(verdict, level, state, flow, to_do):
    assert (verdict.level, verdict.state, verdict.flow(NOW), verdict.to_do) == (level, state, flow, to_do)


def test_the_monitor_has_a_button_for_what_can_be_pressed():
    assert judged(books(PAUSED)).press == "resume"
    assert judged(books(OPEN)).press == "try"
    assert judged(books(PAUSED), left=0.0).press == "resume"
    assert judged(books(workers=0)).press == ""


def test_the_lines_of_a_terminal():
    assert judged(books()).lines(NOW) == ["flow       Events flow: none waits", "to do      nothing"]
    lines = judged(books(PAUSED, workers=0)).lines(NOW)
    assert [line[:11] for line in lines] == ["flow       ", "to do      ", "           "]
    assert lines[2][11:] == START


def test_the_document_says_the_same_for_machines():
    document = judged(books(PAUSED)).document(NOW)
    assert {"level": "warning", "state": "paused", "since_ms": AGO, "until_ms": None}.items() <= document.items()
    assert document["flow"].startswith(document["headline"])
    assert document["to_do"] == ["when the reason is gone: leadrelay resume"]


def test_counters_that_went_back_say_nothing():
    assert judged(books(ready=1), [Sample(AGO, dead=5, attempts={"transient": 50})]).level == "ok"
