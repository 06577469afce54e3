from collections import Counter

from leadrelay.history import Ended
from leadrelay.tally import Tally
from leadrelay_worker.monitor import latency


def _ended(ms, outcome="delivered"):
    return Ended(0, "e", 1, "t", "s", 1, outcome, "http_200", ms, "w")


def test_hours_know_of_those_on_time_only_that_they_were():
    tally = Tally(accepted=100, on_time=96, late=4, late_max_ms=700_000, late_steps=Counter({14: 4}))
    told = latency.of_hours(tally, 60.0)
    assert told["percentiles"][:2] == [[0.5, None], [0.95, None]]
    assert 128 <= told["percentiles"][2][1] <= 182
    assert (told["events"], told["on_time"]) == (100, 96)


def test_history_knows_each_to_the_ms():
    told = latency.of_history([*(_ended(ms) for ms in range(1, 101)), _ended(10**6, "dead")])
    assert told == {"events": 100, "percentiles": [[0.5, 0.051], [0.95, 0.096], [0.99, 0.1]]}


def test_nothing_delivered_is_nothing_known():
    assert latency.of_hours(Tally(accepted=3), 60.0) is None
    assert latency.of_history([_ended(5, "dead")]) is None
