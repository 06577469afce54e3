import pytest
from leadrelay.queue.samples import Sample
from leadrelay_worker.monitor import series


def test_rates_are_those_of_the_last_minute():
    samples = [
        Sample(at_s * 1000, accepted=at_s * 5, delivered=at_s * 2 + (100 if at_s > 60 else 0))
        for at_s in (0, 60, 90, 120)
    ]
    rates = series.rates(samples)
    assert (rates["accepted"], rates["delivered"], rates["dead"]) == (5, pytest.approx(2 + 100 / 60, abs=0.001), 0)


def test_one_sample_says_nothing_of_rates():
    assert set(series.rates([Sample(5)]).values()) == {None}


def test_a_counter_that_went_back_says_nothing():
    assert series.rates([Sample(0, accepted=100), Sample(1000, accepted=3)])["accepted"] is None


def test_lines_have_a_point_for_each_step():
    samples = [Sample(at * 10_000, accepted=at * 50, ready=at, in_flight=1, dead_now=4) for at in range(4)]
    lines = series.lines(samples, 0, 30_000)
    assert lines["at"] == [10_000, 20_000, 30_000]
    assert lines["accepted"] == [5, 5, 5]
    assert lines["waiting"] == [2, 3, 4]
    assert lines["dead"] == [4, 4, 4]


@pytest.mark.parametrize("number", [1, 2, 359, 360, 361, 800, 1080])
def test_a_line_is_thinned_and_keeps_its_newest_point(number):
    samples = [Sample(at * 1000, accepted=at) for at in range(number)]
    lines = series.lines(samples, 0, number * 1000)
    assert len(lines["at"]) <= series.MOST_POINTS
    assert lines["at"][-1:] == ([(number - 1) * 1000] if number > 1 else [])
    assert all(rate == 1 for rate in lines["accepted"])


def test_when_sending_was_stopped():
    states = ["on", "paused", "paused", "breaker open", "on", "on", "paused"]
    samples = [Sample(at * 1000, sending=state) for at, state in enumerate(states)]
    assert series.lines(samples, 0, 6000)["stopped"] == [
        (1000, 3000, "paused"), (3000, 4000, "breaker open"), (6000, 6000, "paused")
    ]  # fmt: skip


def test_always_stopped():
    samples = [Sample(at * 1000, sending="paused") for at in range(3)]
    assert series.lines(samples, 0, 2000)["stopped"] == [(0, 2000, "paused")]
