"""One breaker's moves, each as its table says."""

from dataclasses import replace

import pytest
from leadrelay_worker.flow.breaker import TRANSITIONS, Breaker, Round, Trouble, step
from leadrelay_worker.flow.evidence import Row, bucket
from leadrelay_worker.flow.numbers import Numbers

NUMBERS = Numbers()
NOW = 1_000_000
OPEN = Breaker(state="open", cause="transient", reason="503", since_ms=NOW, probe_ms=NOW + 5000, wait_s=5.0)
HALF = replace(OPEN, state="half_open")
LIMITED = replace(OPEN, state="limited", rate=8.0, good=100.0)


def seen(*outcomes, now=NOW, seconds=1.0, **more):
    rows = [Row("a", "w", outcome, reason, number, (7,)) for outcome, reason, number in outcomes]
    return Round(now_ms=now, seconds=seconds, fresh=bucket(now, rows), **more)


ACCEPTED = ("accepted", "http_200", 1)
FAILED = ("transient", "http_503", 1)
REJECTED = ("rejected", "http_400", 1)
TROUBLE = Trouble("transient", "503 for 100% of 10 attempts")

MOVES = {
    ("closed", "trouble"): (Breaker(), seen(FAILED, trouble=TROUBLE)),
    ("closed", "throttled"): (Breaker(), seen(("accepted", "http_200", 80), ("throttled", "http_429", 20))),
    ("open", "wait over"): (OPEN, seen(now=NOW + 5000)),
    ("half_open", "answered"): (HALF, seen(ACCEPTED)),
    ("half_open", "failed"): (HALF, seen(FAILED)),
    ("limited", "trouble"): (LIMITED, seen(FAILED, trouble=TROUBLE)),
    ("limited", "calm"): (replace(LIMITED, calm_s=10.0), seen(ACCEPTED)),
}


@pytest.mark.parametrize("move", TRANSITIONS, ids=" ".join)
def test_every_move_of_the_table(move):
    before, round_ = MOVES[move]
    assert before.state == move[0]
    assert step(before, round_, NUMBERS).state == TRANSITIONS[move]


@pytest.mark.parametrize("before", [Breaker(), OPEN, HALF, LIMITED], ids=lambda one: one.state)
def test_a_round_in_which_nothing_happened_moves_nothing(before):
    assert step(before, seen(), NUMBERS).state == before.state


def test_waits_double_up_to_the_longest():
    waits, one = [], OPEN
    for _ in range(10):
        one = step(replace(one, state="half_open"), seen(FAILED), NUMBERS)
        waits.append(one.wait_s)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300, 300, 300]
    assert one.probes == 10
    assert one.told == "503; 10 probes failed"


def test_trouble_in_a_slow_start_goes_on_waiting_longer_and_calm_forgets():
    again = step(replace(LIMITED, wait_s=40.0), seen(FAILED, trouble=TROUBLE), NUMBERS)
    assert (again.wait_s, again.since_ms) == (80.0, NOW)
    assert step(replace(LIMITED, calm_s=10.0), seen(), NUMBERS) == Breaker()


@pytest.mark.parametrize(
    ("cause", "outcome", "state"),
    [
        ("transient", REJECTED, "limited"),
        ("throttled", REJECTED, "limited"),
        ("network", REJECTED, "limited"),
        ("misconfigured", REJECTED, "open"),
        ("rejected", REJECTED, "open"),
        ("rejected", ACCEPTED, "limited"),
        ("misconfigured", ("misconfigured", "http_401", 1), "open"),
        ("transient", ("throttled", "http_429", 1), "open"),
    ],
)
def test_what_shows_that_the_endpoint_is_back(cause, outcome, state):
    assert step(replace(HALF, cause=cause), seen(outcome), NUMBERS).state == state


def test_for_several_datasets_any_answer_shows_that_the_network_is_back():
    half = replace(HALF, cause="network")
    assert step(half, seen(FAILED, other_answers=True), NUMBERS).state == "limited"
    assert step(half, seen(FAILED), NUMBERS).state == "open"
    assert step(half, seen(("misconfigured", "dns", 1), other_answers=True), NUMBERS).state == "open"


def test_the_endpoints_own_wish_is_waited_for_up_to_a_bound():
    throttled = Trouble("throttled", "429")
    for hint, wait in ((60.0, 60.0), (1.0, 5.0), (1e9, 3600.0)):
        one = step(Breaker(), seen(("throttled", "http_429", 10), trouble=throttled, hint_s=hint), NUMBERS)
        assert one.wait_s == wait
    assert step(Breaker(), seen(FAILED, trouble=TROUBLE, hint_s=60.0), NUMBERS).wait_s == 5.0


def test_throttling_leaves_what_the_endpoint_took_less_a_tenth():
    one = step(Breaker(), seen(("accepted", "http_200", 80), ("throttled", "http_429", 20)), NUMBERS)
    assert (one.rate, one.told) == (72.0, "429 for 20% of 100 attempts")


def test_a_pause_does_not_lift_a_rate():
    one = LIMITED
    for _ in range(100):
        one = step(one, seen(idle=True), NUMBERS)
    assert one.state == "limited"
    for _ in range(11):
        one = step(one, seen(), NUMBERS)
    assert one.state == "closed"


def test_a_clock_that_goes_back_does_not_keep_it_shut():
    assert step(OPEN, seen(now=NOW - 86_400_000), NUMBERS).state == "half_open"
    assert step(OPEN, seen(now=NOW + 4999), NUMBERS).state == "open"


def test_it_remembers_which_event_tripped_it():
    assert step(Breaker(), seen(FAILED, trouble=TROUBLE), NUMBERS).tripped_by == 7
