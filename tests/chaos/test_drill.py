"""The short form of the drill, and how scrapes become what promtool judges."""

import pytest

from tests.chaos.drill.alerts import as_input, seen_in, series_of, states, told
from tests.chaos.drill.perform import missing, perform
from tests.chaos.drill.plan import SHORT


@pytest.mark.slow
def test_an_outage_is_seen_told_and_survived(tmp_path):
    if lacking := missing():
        pytest.skip(lacking)
    steps = list(perform(tmp_path, SHORT))
    assert [step.line() for step in steps if not step.passed] == []
    shown = " ".join(step.name for step in steps)
    assert all(f"estimate at {part}%" in shown for part in (25, 50, 75))
    assert steps[-1].name == "the alert is resolved"


def test_scrapes_become_samples_with_gaps_and_ends():
    scrape = series_of('leadrelay_up{queue="q"} 1\nleadrelay_headroom_seconds{queue="q"} +Inf\n')
    up, room = 'leadrelay_up{queue="q",instance="a"}', 'leadrelay_headroom_seconds{queue="q",instance="a"}'
    assert scrape == {up: 1, room: float("inf")}
    assert as_input({1: scrape, 3: {up: 2}}) == [
        {"series": room, "values": f"_ {1e12:f} _ stale"},
        {"series": up, "values": f"_ {1:f} _ {2:f}"},
    ]


def test_what_promtool_got_is_read_by_minute():
    said = """
    expr: "ALERTS", time: 0s,
        exp: nil
        got: {alertname="A", alertstate="pending", queue="q"} 1E+00
    expr: "ALERTS", time: 1h10m,
        exp: nil
        got: {alertname="A", alertstate="firing", queue="q"} 1E+00"""
    assert seen_in(said) == {0: "pending", 70: "firing"}


@pytest.mark.parametrize("stopped_for", [20, 40])
def test_the_alert_fires_after_half_an_hour_and_is_resolved(tmp_path, stopped_for):
    series = 'leadrelay_sending{queue="q",state="breaker_open",instance="a"}'
    minutes = {minute: {series: float(3 <= minute < 3 + stopped_for)} for minute in range(50)}
    del minutes[7]
    went = told(states(minutes, tmp_path))
    fires = ", firing from minute 33" if stopped_for > 30 else ""
    assert went == f"pending from minute 3{fires}, resolved from minute {3 + stopped_for}"
