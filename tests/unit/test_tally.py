import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.tally import STEPS_PER_DOUBLING, Tally, total

TEXT = "accepted=10 on_time=4 late=2 late_max=9000 late:5=1 late:6=1 dead:rejected=1 dead:expired=1 retried=7 doubles=1"


def test_counts_are_read_as_the_scripts_write_them():
    tally = Tally.parse(TEXT)
    assert (tally.accepted, tally.on_time, tally.late, tally.late_max_ms) == (10, 4, 2, 9000)
    assert tally.dead == {"rejected": 1, "expired": 1}
    assert tally.late_steps == {5: 1, 6: 1}
    assert (tally.retried, tally.doubles, tally.dropped) == (7, 1, 0)
    assert tally.waiting == 2


def test_what_a_later_release_counts_is_passed_over():
    assert Tally.parse("accepted=1 something_new=3 new:kind=2") == Tally(accepted=1)
    assert Tally.parse("") == Tally()


def test_tallies_add_up_and_the_longest_stays():
    summed = total([Tally.parse(TEXT), Tally.parse("accepted=1 late=1 late_max=70000 late:12=1")])
    assert (summed.accepted, summed.late, summed.late_max_ms, summed.waiting) == (11, 3, 70000, 2)
    assert summed.late_steps == {5: 1, 6: 1, 12: 1}


def test_a_replayed_letter_is_not_dead_any_more():
    assert total([Tally.parse("dead:rejected=3"), Tally(dead=Tally.parse("dead:rejected=1").dead)]).dead_total == 4


@given(st.lists(st.floats(1.0, 86400 * 7), min_size=1, max_size=200))
def test_the_median_is_near_the_real_one(seconds):
    import math  # noqa: PLC0415

    tally = Tally(late=len(seconds), late_max_ms=int(max(seconds) * 1000))
    for second in seconds:
        tally.late_steps[math.floor(STEPS_PER_DOUBLING * math.log2(second))] += 1
    low, high = statistics.median_low(seconds), statistics.median_high(seconds)
    assert low / 1.42 <= tally.late_median_s <= high * 1.42


@pytest.mark.parametrize("text", ["", "accepted=3 on_time=3"])
def test_without_late_events_there_is_no_median(text):
    assert Tally.parse(text).late_median_s is None


def test_the_time_within_which_a_share_was_delivered():
    tally = Tally.parse("accepted=10 on_time=5 late=5 late:12=4 late:16=1 late_max=300000")
    assert tally.latency_s(0.5) is None
    assert 64 <= tally.latency_s(0.6) <= 91
    assert 256 <= tally.latency_s(0.99) <= 300
    assert Tally().latency_s(0.5) is None
