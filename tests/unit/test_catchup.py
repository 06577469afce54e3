"""The estimate, row by row."""

from dataclasses import replace

import pytest
from leadrelay.catchup import Estimate, Flow, drain, estimate
from leadrelay.queue.samples import Sample
from leadrelay.queue.valve import Breaker, Sending

ON = Sending("on", "", None, None, None, None, ())
PAUSED = replace(ON, state="paused", reason="by me")
OPEN = replace(ON, state="breaker open", reason="503")
STARTING = replace(ON, rate=10.0, breakers=(Breaker("", "limited", "slow start", rate=10.0),))


def history(*steps, waits=10_000, **more):
    """Samples every 10 s up to 100 s, of (arrived, left) in each step; what waits at the end."""
    waiting = [waits]
    for arrived, left in reversed(steps):
        waiting.insert(0, waiting[0] - arrived + left)
    delivered, samples = 0, []
    for number, ready in enumerate(waiting):
        at_ms = 100_000 - 10_000 * (len(steps) - number)
        delivered += steps[number - 1][1] if number else 0
        common = {"workers": 1, "ready": ready, "delivered": delivered, "attempts": {"accepted": delivered}}
        samples.append(Sample(at_ms, **(common | more)))
    return samples[:-1], samples[-1]


def test_what_left_lately_goes_on_leaving():
    assert estimate(*history((0, 1000), (0, 1000)), (), ON) == Estimate(100.0)


def test_what_arrives_is_work_too():
    assert estimate(*history((500, 1000), (500, 1000), (500, 1000)), (), ON) == Estimate(200.0)


def test_a_burst_that_is_over_waits_already():
    found = estimate(*history((50, 1000), (50, 1000), (40_000, 1000), (50, 1000)), (), ON)
    assert found.seconds == pytest.approx(10_000 / 95)


def test_not_catching_up():
    found = estimate(*history((1200, 1000), (1200, 1000)), (), ON)
    assert found == Estimate(None, "not catching up: 120.0 events/s arrive, 100.0 leave")


def test_the_dead_and_the_dropped_do_not_wait_either():
    samples, now = history((0, 1000), (0, 1000))
    assert estimate(samples, replace(now, delivered=1000, dead=600, dropped=400), (), ON).seconds == 100.0


@pytest.mark.parametrize("sending", [PAUSED, OPEN, replace(OPEN, state="breaker half-open")])
def test_nobody_can_say_while_sending_is_stopped(sending):
    assert estimate(*history((0, 1000), (0, 1000)), (), sending) == Estimate(None, sending.state)


def test_nobody_can_say_without_a_worker():
    assert estimate(*history((0, 1000), workers=0), (), ON) == Estimate(None, "no worker")


@pytest.mark.parametrize("sending", [ON, PAUSED, OPEN])
def test_when_nothing_waits_it_is_caught_up(sending):
    assert estimate(*history((0, 0), (0, 0), waits=0), (), sending) == Estimate(0.0)


def test_what_arrived_within_a_second_is_on_its_way():
    assert estimate(*history((1000, 1000), (1000, 1000), waits=60), (), ON) == Estimate(0.0)


def test_nothing_was_sent_yet():
    assert estimate([], Sample(100_000, workers=1, ready=5), (), ON) == Estimate(None, "nothing was sent yet")


def test_a_ceiling_says_enough_before_anything_was_sent():
    now = Sample(100_000, workers=1, ready=500, rate=50.0, ceiling=50.0)
    assert estimate([], now, (), replace(ON, rate=50.0, ceiling=50.0)) == Estimate(10.0)


def test_a_rate_set_a_moment_ago_counts_at_once():
    samples, now = history((0, 1000), (0, 1000))
    slower = replace(now, rate=20.0, ceiling=20.0)
    assert estimate(samples, slower, (), replace(ON, rate=20.0, ceiling=20.0)) == Estimate(500.0)


def test_a_slow_start_doubles_to_the_good_rate_and_goes_on_to_the_ceiling():
    told = Sample(95_000, workers=1, ready=5000, sending="breaker open", good=40.0, ceiling=60.0)
    now = Sample(100_000, workers=1, ready=150, rate=10.0)
    assert estimate([told], now, (), STARTING).seconds == pytest.approx(4 + 38 / 44)  # 10 20 40 42 44
    now = replace(now, ready=10 + 20 + sum(range(40, 60, 2)) + 600)
    assert estimate([told], now, (), STARTING).seconds == pytest.approx(2 + 10 + 10)


def test_what_the_workers_could_send_limits_a_slow_start():
    down = Sample(95_000, workers=1, ready=1000, sending="breaker open", good=40.0)
    now = Sample(100_000, workers=1, ready=300, rate=100.0)
    starting = replace(STARTING, rate=100.0)
    assert estimate([down], now, (), starting).reason.startswith("at best")
    busy = [Sample(50_000, ready=1000), Sample(60_000, ready=700, delivered=300, attempts={"accepted": 300})]
    assert estimate([*busy, down], now, (), starting) == Estimate(10.0)
    more = [Sample(70_000, ready=5, rate=40.0, delivered=700, attempts={"accepted": 700})]
    assert estimate([*busy, *more, down], now, (), starting) == Estimate(7.5)


def test_attempts_that_must_be_repeated_slow_it_down():
    samples, now = history((0, 1000), (0, 1000))
    now = replace(now, rate=50.0, retried=1000, attempts={"accepted": 2000, "transient": 2000})
    samples = [replace(one, retried=0) for one in samples]
    assert estimate(samples, now, (), replace(ON, rate=50.0)).seconds == pytest.approx(10_000 / (50 * 0.75), rel=0.01)


def test_attempts_that_failed_before_a_short_outage_ended_say_nothing_of_what_comes_after():
    before = Sample(80_000, workers=1, ready=10, delivered=50, attempts={"accepted": 50})
    failed = {"retried": 100, "attempts": {"accepted": 50, "transient": 100}}
    down = replace(before, at_ms=90_000, ready=150, sending="breaker open", good=40.0, ceiling=40.0, **failed)
    some = {"delivered": 60, "attempts": {"accepted": 60, "transient": 100}}
    now = replace(down, at_ms=100_000, ready=140, sending="on", rate=10.0, good=0.0, **some)
    assert estimate([before, down], now, (), STARTING).seconds == pytest.approx(2 + 110 / 40)  # 10 20 40


def test_what_is_scheduled_for_meanwhile_is_work_and_what_is_later_is_told():
    due = [(10.0, 1000), (50.0, 1000), (3600.0, 7)]
    assert estimate(*history((0, 1000), (0, 1000)), due, ON) == Estimate(120.0, later=7)
    assert estimate(*history((0, 1000), (0, 1000), waits=0), due, ON) == Estimate(0.0, later=2007)


def test_counters_that_went_back_give_no_speed_below_nothing():
    samples, now = history((0, 1000), (0, 1000))
    found = estimate(samples, replace(now, delivered=0, attempts={}), (), ON)
    assert found.seconds is None


@pytest.mark.parametrize(
    ("backlog", "due", "flow", "seconds"),
    [
        (0, (), Flow(10, None, 10, 0), 0),
        (100, (), Flow(10, None, 10, 0), 10),
        (100, (), Flow(10, None, 10, 5), 20),
        (100, (), Flow(10, None, 10, 10), None),
        (100, (), Flow(0, None, 0, 0), None),
        (100, [(5.5, 10), (20, 99)], Flow(10, None, 10, 0), 11),
        (7, (), Flow(1, 4, 4, 0), 3),  # 1 2 4
        (15, (), Flow(1, 4, 4, 0), 5),  # 1 2 4 4 4
        (18, (), Flow(1, 4, float("inf"), 0), 5),  # 1 2 4 5 6
        (100, (), Flow(1, 64, 64, 3), 6 + (100 - 63 + 18) / 61),
        (40 * 86_400, (), Flow(1, None, 1, 0), None),  # beyond 30 days
    ],
)
def test_drain(backlog, due, flow, seconds):
    assert drain(backlog, due, flow) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(("sending", "workers", "reason"), [(PAUSED, 1, "paused"), (ON, 0, "no worker")])
def test_what_waits_while_nothing_is_sent_is_not_caught_up_however_little_it_is(sending, workers, reason):
    steps = ((500, 500),) * 3
    assert estimate(*history(*steps, waits=20, workers=workers), (), sending) == Estimate(None, reason)
    assert estimate(*history(*steps, waits=0, workers=workers), (), sending) == Estimate(0.0)
