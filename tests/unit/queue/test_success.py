"""The share of accepted attempts, and of which attempts it is."""

from leadrelay.queue.samples import Sample
from leadrelay.queue.success import success_of


def at(seconds, accepted, failed=0, sending="on"):
    return Sample(seconds * 1000, attempts={"accepted": accepted, "transient": failed}, sending=sending)


def test_attempts_of_the_last_minutes():
    assert success_of([at(0, 10), at(9, 13, 1)]) == (0.75, "of 4 attempts in the last 5 min")
    assert success_of([at(0, 10), at(100, 10_000), at(401, 10_001)]) == (None, "no attempts in the last 5 min")
    assert success_of([at(0, 10)]) == (None, "no attempts in the last 5 min")


def test_what_was_good_before_an_outage_says_nothing_of_it():
    good, stopped = [at(0, 0), at(10, 1000)], [at(20, 1000, 10, "breaker open"), at(30, 1000, 10, "breaker half-open")]
    assert success_of([*good, stopped[0]]) == (None, "no attempts since sending stopped")
    assert success_of([*good, *stopped]) == (None, "no attempts since sending stopped")
    probed = at(40, 1000, 11, "breaker open")
    assert success_of([*good, *stopped, probed]) == (0.0, "of 1 attempt since sending stopped")


def test_what_failed_in_an_outage_says_nothing_of_the_time_after_it():
    outage = [at(0, 0), at(10, 0, 50, "breaker open"), at(20, 0, 60, "breaker open"), at(30, 1, 60)]
    assert success_of([*outage, at(40, 31, 60)]) == (1.0, "of 30 attempts since sending went on")


def test_an_outage_of_hours_is_that_of_the_last_minutes():
    long = [at(seconds, 7, seconds // 300, "breaker open") for seconds in range(0, 3601, 10)]
    assert success_of(long) == (0.0, "of 1 attempt in the last 5 min")


def test_a_counter_that_went_back_is_no_attempt():
    assert success_of([at(0, 100, 3), at(10, 2, 4)]) == (0.0, "of 1 attempt in the last 5 min")
