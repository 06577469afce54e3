from dataclasses import replace

import pytest
from leadrelay.queue.books import Books
from leadrelay.queue.valve import Sending
from leadrelay_worker.monitor.verdict import verdict

ON = Sending("on", "", None, None, None, None, ())
PAUSED = replace(ON, state="paused", reason="by ann: upgrade", since_ms=5)
OPEN = replace(ON, state="breaker open", reason="503 for 100% of 20 attempts", since_ms=7)


def books(sending=ON, workers=1, **numbers):
    names = "accepted adopted delivered ready scheduled held in_flight inbox dead dropped late retried rescued replayed"
    zeros = dict.fromkeys([*names.split(), "gave_way", "deduplicated", "died", "epoch", "seq"], 0)
    fixed = {"attempts": {}, "now_ms": 10, "oldest_ms": None, "expected": {}, "lengths": {}}
    return Books(**{**zeros, **numbers}, **fixed, workers=workers, worker_heard_ms=None, sending=sending)


@pytest.mark.parametrize(
    ("seen", "known", "level", "says", "press"),
    [
        (books(), {}, "ok", "Events flow: none waits", ""),
        (books(ready=3), {"success": 0.9}, "ok", "Events flow", ""),
        (books(PAUSED), {}, "warning", "Sending is paused", "resume"),
        (books(PAUSED, workers=0), {}, "warning", "Sending is paused", "resume"),
        (books(OPEN, ready=3), {}, "problem", "Events do not flow", "try"),
        (books(workers=0, ready=3), {}, "problem", "Events do not flow", ""),
        (books(workers=0), {}, "warning", "Nothing waits, but nobody sends", ""),
        (books(scheduled=3), {"success": 0.2}, "warning", "Events hardly flow", ""),
        (books(PAUSED), {"full": True}, "problem", "New events are refused", ""),
    ],
)
def test_what_an_operator_reads_first(seen, known, level, says, press):
    judged = verdict(seen, **{"success": None, "full": False, "last_worker_ms": None, **known})
    assert (judged.level, judged.says, judged.press) == (level, says, press)


def test_it_says_why_and_since_when():
    judged = verdict(books(OPEN), success=None, full=False, last_worker_ms=None)
    assert (judged.why, judged.since_ms) == ("503 for 100% of 20 attempts", 7)
    judged = verdict(books(workers=0, ready=1), success=None, full=False, last_worker_ms=4)
    assert (judged.why, judged.since_ms, judged.do) == ("no worker is alive", 4, "Start one: leadrelay worker")


def test_a_pause_that_ends_by_itself_asks_for_nothing():
    judged = verdict(books(replace(PAUSED, until_ms=99)), success=None, full=False, last_worker_ms=None)
    assert judged.do == "It ends by itself."
