from leadrelay.queue.control import Watch
from leadrelay_worker.flow.counts import report_of
from leadrelay_worker.flow.evidence import Row


def watch(counted=None, valve=None):
    return Watch("w1", 1, 5000, counted or {}, "", valve or {}, frozenset({"w1"}), None)


def test_fields_are_rows():
    counted = {
        "n 11111111 w1/7-a accepted http_200": "3",
        "n 11111111 w1/7-a transient a reason of somebody": "2",
        "e 11111111 w1/7-a transient a reason of somebody": " 4 9",
        "h 11111111": "2500",
        "run:11111111": "4",
        "run:": "4",
        "run:@w1/7-a": "4",
    }
    report = report_of(watch(counted))
    assert report.rows == (
        Row("11111111", "w1/7-a", "accepted", "http_200", 3),
        Row("11111111", "w1/7-a", "transient", "a reason of somebody", 2, (4, 9)),
    )
    assert report.hints == {"11111111": 2.5}
    assert report.runs == {"11111111": 4, "": 4}


def test_the_valve_says_what_is_open():
    valve = {
        "breaker": "half_open",
        "breaker_told": "1000 0 503",
        "b:11111111": "draining",
        "b:22222222": "limited",
        "q:22222222": "5",
        "b:@w1/7-a": "open",
        "rate": "12.5",
        "paused": "1",
    }
    report = report_of(watch(valve=valve))
    assert report.states == {"": "half_open", "22222222": "limited", "@w1/7-a": "open"}
    assert (report.rate, report.paused) == (12.5, True)
