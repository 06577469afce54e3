import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from leadrelay.reports.columns import COLUMNS, as_csv, as_document, share
from leadrelay.reports.page import as_page, verdict
from leadrelay.reports.plot import plot
from leadrelay.reports.report import Double, Period, build
from leadrelay.reports.text import as_text
from leadrelay.tally import HourRow, Tally

START = datetime(2026, 5, 1, 10, tzinfo=UTC)
HOUR = int(START.timestamp()) // 3600
OUTAGE = "accepted=100 on_time=50 late=30 late_max=7200000 late:25=30 dead:rejected=5 dropped=5 retried=90 doubles=2"


def rows():
    return [
        HourRow(HOUR, "d1", "invoice_paid", Tally.parse(OUTAGE)),
        HourRow(HOUR, "d2", "=cmd|' /C calc'!A0", Tally.parse("accepted=3 on_time=3")),
        HourRow(HOUR + 20, "d1", "<script>alert(1)</script>", Tally.parse("accepted=7 on_time=7")),
    ]


def report(by=None, hours=24, kept_days=31, **kwargs):
    period = Period(START, START + timedelta(hours=hours))
    return build(rows(), period, made=period.until, on_time_s=60, kept_days=kept_days, by=by, **kwargs)


DOUBLE = Double("e" * 32, "invoice_paid", START, START + timedelta(hours=1), 3, ("timeout",))


@pytest.mark.parametrize(
    ("since", "until", "hours"),
    [
        (START, START + timedelta(hours=2), 2),
        (START + timedelta(minutes=59), START + timedelta(minutes=61), 2),
        (START, START + timedelta(seconds=1), 1),
        (START + timedelta(minutes=5), START + timedelta(minutes=6), 1),
    ],
)
def test_a_period_covers_whole_hours(since, until, hours):
    period = Period.covering(since, until)
    assert len(period.hours) == hours
    assert period.since <= since
    assert period.until >= until


@pytest.mark.parametrize("by", [None, "title", "day", "dataset"])
def test_groups_and_bins_add_up_to_the_total(by):
    made = report(by)
    for tallies in ([tally for _, tally in made.bins], [tally for _, tally in made.groups] if by else [made.total]):
        assert sum(tally.accepted for tally in tallies) == made.total.accepted == 110
        assert sum(tally.waiting for tally in tallies) == made.total.waiting == 10


def test_groups_are_named():
    assert [name for name, _ in report("day").groups] == ["2026-05-01", "2026-05-02"]
    assert [name for name, _ in report("dataset").groups] == ["d1", "d2"]
    assert next(name for name, _ in report("title").groups) == "invoice_paid"


def test_bins_have_no_gaps_and_long_periods_are_shown_by_the_day():
    assert [start for start, _ in report().bins] == [START + timedelta(hours=number) for number in range(24)]
    long = report(hours=24 * 30)
    assert (long.bin_hours, len(long.bins)) == (24, 31)
    assert long.bins[0][1].accepted == 103


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_terminal_gets_lines_that_fit(width):
    text = as_text(report("title", doubles=[DOUBLE] * 12), width)
    assert max(map(len, text.splitlines())) <= width
    flat = " ".join(text.split())
    assert "median 2.0 h, longest 2.0 h" in flat or "median 1." in flat
    assert "rejected 5" in flat
    assert "UTC" in flat
    assert "and 2 more" in flat


def test_wide_is_a_table_and_narrow_is_blocks():
    wide, narrow = as_text(report("title"), 200), as_text(report("title"), 60)
    assert re.search(r"^invoice_paid +100 +50 +30 ", wide, re.MULTILINE)
    assert re.search(r"^invoice_paid\n  accepted +100\n", narrow, re.MULTILINE)


def test_a_document_has_every_figure_and_is_json():
    made = json.loads(json.dumps(as_document(report("title", doubles=[DOUBLE]))))
    names = {column.name for column in COLUMNS}
    assert names < made["total"].keys()
    total = made["total"]
    parts = ("on_time", "late", "dead", "waiting", "dropped")
    assert total["accepted"] == sum(total[name] for name in parts)
    assert total["dead_by_reason"] == {"rejected": 5}
    assert made["doubles"][0]["because"] == ["timeout"]
    assert made["since"] == "2026-05-01T10:00:00+00:00"


def test_a_spreadsheet_gets_numbers_and_no_formula():
    table = list(csv.DictReader(io.StringIO(as_csv(report("title")))))
    assert [row["accepted"] for row in table] == ["100", "7", "3"]
    assert table[2]["title"].startswith("'=")
    (whole,) = csv.DictReader(io.StringIO(as_csv(report())))
    assert whole["period"] == "2026-05-01T10:00Z/2026-05-02T10:00Z"


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "-"), (0, 9, "0.0%"), (1, 10**6, "<0.1%"), (10**6 - 1, 10**6, ">99.9%"), (9, 9, "100.0%"), (1, 3, "33.3%")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(part, whole, shown):
    assert share(part, whole) == shown


def test_the_page_is_self_contained_and_escapes_titles():
    page = as_page(report("title", doubles=[DOUBLE]))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    loads = re.findall(r"(?:src|href)=|url\(|@import", page)
    assert loads == []
    for figure in re.findall(r"<svg.*?</svg>", page):
        ET.fromstring(figure)
    assert "e" * 32 in page


def test_the_bars_stand_for_the_events():
    root = ET.fromstring(plot(report(), 960))
    space = "{http://www.w3.org/2000/svg}"
    first = root.find(f"{space}g")
    heights = {bar.get("class"): float(bar.get("height")) for bar in first.findall(f"{space}rect")}
    assert heights.keys() == {"on-time", "late", "waiting", "dead", "dropped"}
    assert heights["on-time"] / heights["late"] == pytest.approx(53 / 30, rel=0.01)
    assert "accepted 103" in first.find(f"{space}title").text


@pytest.mark.parametrize("width", [400, 960])
@pytest.mark.parametrize("hours", [1, 24, 8 * 24, 24 * 31])
def test_the_labels_of_a_plot_do_not_touch(width, hours):
    root = ET.fromstring(plot(report(hours=max(hours, 21)), width))
    places = sorted(
        float(text.get("x")) for text in root.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "x"
    )
    assert all(right - left >= 60 for left, right in pairwise(places))


def test_the_verdict_says_what_was_not_delivered():
    assert verdict(report()).endswith("Not delivered: 10 still waiting, 5 dead, 5 dropped.")
    empty = build([], Period(START, START + timedelta(hours=1)), made=START, on_time_s=60, kept_days=31)
    assert verdict(empty) == "No events were accepted in this time."
    assert as_page(empty)
    assert as_text(empty, 80)


def test_forgotten_hours_are_said():
    for made in (as_text(report(kept_days=1, hours=48), 200), as_page(report(kept_days=1, hours=48))):
        assert "Hours before 2026-05-02 10:00 UTC are not kept any more" in made
    assert "not kept any more" not in as_text(report(kept_days=3, hours=48), 200)
