"""The measures of an outage, over figures that are made up."""

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from leadrelay.catchup import Estimate

from tests.chaos.__main__ import table
from tests.chaos.measures import Arrival, Watcher, attempts_of, most_in_a_second, percentiles
from tests.chaos.oracle import Verdict
from tests.chaos.outage import AFTER, IMPORTED, LIVE, Outcome, Plan, imported_share

WELL = Outcome(
    plan=Plan(imported=10),
    verdict=Verdict(accepted=100, delivered=100, waiting=0, dead=0, duplicates=0),
    opened_after_s=1.0,
    attempts_until_open=50,
    failed=60,
    attempts={1: 90, 2: 10},
    back_s=1.0,
    burst=600,
    waiting=90,
    drained_s=100.0,
    estimates=[(0.25, 75.0, 75.0), (0.5, 40.0, 50.0), (0.75, 31.0, 25.0)],
    memory_mb=[{"w0": 60.0, "w1": 60.0}, {"w0": 61.0, "w1": 70.0}, {"w0": 62.0, "w1": 66.0}],
    imported_share=0.1,
    imported_lost=0,
    latencies_ms={"alone": (5.0, 20.0)},
    reasons=[],
    books=True,
)


def test_an_outage_that_keeps_to_every_limit():
    assert WELL.failures() == []
    assert WELL.growth_mb == 10.0


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"attempts": {1: 99, 6: 1}}, "most attempts"),
        ({"burst": 800}, "in one second"),
        ({"imported_lost": 1}, "lost"),
        ({"books": False}, "books"),
        ({"imported_share": 0.3}, "import's part"),
        ({"imported_share": 0.0}, "import's part"),
        ({"estimates": [(0.25, 56.0, 75.0)]}, "estimate at 25%"),
        ({"estimates": [(0.25, None, 75.0)]}, "estimate at 25%"),
        ({"memory_mb": [{"w0": 60.0}, {"w0": 75.1}]}, "memory"),
        ({"verdict": replace(WELL.verdict, out_of_order=1)}, "out of order"),
        ({"verdict": replace(WELL.verdict, lost=[7])}, "lost"),
        ({"verdict": replace(WELL.verdict, dead=1)}, "dead"),
    ],
)
def test_a_figure_beyond_its_limit_is_a_failure(what, says):
    (failure,) = replace(WELL, **what).failures()
    assert says in failure


def test_most_in_a_second_looks_at_every_second_after_the_return():
    assert most_in_a_second([0, 100, 200, 900, 1600, 1700, 2599, 2600], 800) == 3
    assert most_in_a_second([], 0) == 0


def test_percentiles():
    assert percentiles(range(1, 101)) == (51, 100)
    assert percentiles([]) == (0, 0)


def test_the_share_of_an_import_is_taken_while_tracked_events_wait():
    tracked, imported, live = Arrival(0, 1, 0), Arrival(0, IMPORTED, 0), Arrival(0, LIVE, 0)
    after = Arrival(0, AFTER, 0)
    mixed = [tracked, tracked, imported, tracked, live, tracked, imported, tracked, imported, imported, after]
    assert imported_share(mixed) == 2 / 6
    assert imported_share([tracked, live]) == 0


def test_estimates_are_looked_up_at_the_quarters_of_a_drain():
    watcher = Watcher(SimpleNamespace())
    watcher.estimates = [(float(second), Estimate(200.0 - second)) for second in range(0, 220, 2)]
    assert watcher.at_quarters(100.0, 200.0) == [(0.25, 76.0, 76.0), (0.5, 50.0, 50.0), (0.75, 26.0, 26.0)]


def test_attempts_are_read_from_the_workers_logs(tmp_path):
    (tmp_path / "w0.log").write_text(
        "x event=attempt eid=aa n=1 outcome=transient\nevent=attempt eid=aa outcome=accepted\n"
    )
    (tmp_path / "w1.log").write_text("event=attempt eid=bb outcome=accepted\n")
    assert attempts_of(tmp_path) == (Counter({"aa": 2, "bb": 1}), 1)


def test_the_long_run_is_a_table():
    done = {"kills": 300, "restarts": 30}
    result = {"name": "long run", "seconds": 90, "accepted": 200_000, "lost": 0, "duplicates": 7, "most_duplicates": 9}
    head, row = table([{**result, "out_of_order": 0, "done": done}])
    assert head.splitlines()[0].count("|") == row.count("|")
    assert row == "| long run | 300 | 30 | 200,000 | 0 | 7 | 9 | 0 | 1.5 |"
