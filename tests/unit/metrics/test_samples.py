"""What a reading says, as samples: of declared metrics only, with the labels that they declare."""

from dataclasses import replace

import pytest
from leadrelay.doctor.finding import problem
from leadrelay.metrics.declared import QUEUE, TABLE
from leadrelay.metrics.reading import Reading
from leadrelay.metrics.samples import samples, spool_samples
from leadrelay.queue.replay import Record
from leadrelay.queue.valve import Breaker, Sending

from tests.unit.doctor.test_checks import BOOKS

MEMORY = {"used_memory": 100_000_000, "maxmemory": 1_000_000_000}
SPOOL = {"events": 3, "bytes": 900, "oldest_s": None, "lost": 1, "label": "leadrelay-embedded"}
READING = Reading(books=BOOKS, before=BOOKS, memory=MEMORY)
BREAKERS = (Breaker("0a1b2c3d", "open"), Breaker("@worker/7-ab", "limited", rate=5.0), Breaker("", "half_open"))
FULL = Reading(
    books=replace(
        BOOKS, dead=7, accepted=4000, now_ms=1_060_000,
        sending=Sending("breaker open", "503", 1, None, 5.0, None, BREAKERS),
    ),
    before=BOOKS,
    memory=MEMORY,
    replays=(
        Record("r1", "running", 1, 2000, 5, None, None, "ann", "all"),
        Record("r2", "done", 1, 2, 5, None, None, "ann", "all"),
    ),
    rewinds=("lost 4",),
    reasons={"rejected": 4, "expired": 1},
    findings=(problem("disk", "full", "why", "do"),),
    took_s=0.004,
)  # fmt: skip


def values(reading, name):
    return {sample.labels: sample.value for sample in samples(reading) if sample.name == f"leadrelay_{name}"}


def test_everything_declared_is_said_with_its_labels_and_nothing_else():
    declared = {metric.name: len(metric.labels) for metric in QUEUE}
    said = {sample.name: len(sample.labels) for sample in [*samples(FULL), *spool_samples(SPOOL)]}
    assert said == declared


def test_names_follow_the_conventions_of_prometheus():
    for metric in TABLE:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert bool(metric.buckets) == (metric.kind == "histogram"), metric.name
        assert metric.meaning.endswith(".")
        assert not metric.name.endswith(("_ms", "_mb", "_milliseconds"))
    assert len({metric.name for metric in TABLE}) == len(TABLE)


def test_states_counts_and_reasons():
    assert values(READING, "events") == {
        ("ready",): 100, ("scheduled",): 0, ("held",): 0, ("in_flight",): 0, ("dead",): 0, ("inbox",): 0,
    }  # fmt: skip
    assert values(READING, "delivered_total") == {(): 900}
    assert values(FULL, "dead_letters") == {("rejected",): 4, ("expired",): 1, ("older",): 2}
    assert values(FULL, "doctor_findings") == {("disk", "problem"): 1}
    assert values(FULL, "rewinds") == {(): 1}
    assert (values(READING, "books_balanced"), values(FULL, "books_balanced")) == ({(): True}, {(): False})


def test_sending_is_one_state_of_four_and_breakers_are_named_by_hash():
    assert values(READING, "sending") == {
        ("on",): 1, ("paused",): 0, ("breaker_open",): 0, ("breaker_half_open",): 0,
    }  # fmt: skip
    assert values(FULL, "sending")["breaker_open",] == 1
    assert values(FULL, "sending_limit_per_second") == {(): 5.0}
    assert set(values(FULL, "breaker")) == {
        ("dataset", "0a1b2c3d", "open"), ("worker", "worker/7-ab", "limited"), ("all", "", "half_open"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("after", "headroom", "outage"),
    [
        ({}, float("inf"), float("inf")),
        ({"accepted": 1060}, 800_000_000 / 600, 800_000_000 / 600),
        ({"accepted": 1060, "delivered": 930, "dropped": 30}, float("inf"), 800_000_000 / 600),
        ({"accepted": 1060, "delivered": 930}, 800_000_000 / 600 * 2, 800_000_000 / 600),
    ],
)
def test_headroom_by_growth_and_by_what_comes_in(after, headroom, outage):
    """60 events came in within 60 s, of 600 bytes each, and 800 MB are left below the watermark."""
    reading = replace(READING, books=replace(BOOKS, now_ms=1_060_000, **after))
    assert values(reading, "headroom_seconds") == {(): pytest.approx(headroom)}
    assert values(reading, "outage_headroom_seconds") == {(): pytest.approx(outage)}


def test_a_full_broker_has_no_headroom_and_one_without_limit_no_end():
    full = replace(READING, memory={"used_memory": 950_000_000, "maxmemory": 1_000_000_000})
    assert values(full, "headroom_seconds") == {(): 0}
    machine = replace(READING, memory={"used_memory": 1, "maxmemory": 0, "total_system_memory": 5})
    assert values(machine, "broker_memory_limit_bytes") == {(): 5}


def test_only_replays_under_way_are_named():
    assert values(FULL, "replay_letters") == {("r1", "running"): 5}
    assert values(FULL, "replay_step_timestamp_seconds") == {("r1", "running"): 2}


def test_a_spool_without_events_has_no_age():
    assert {sample.name: sample.value for sample in spool_samples(SPOOL)} == {
        "leadrelay_spool_events": 3, "leadrelay_spool_bytes": 900, "leadrelay_spool_oldest_seconds": 0,
        "leadrelay_spool_lost_total": 1,
    }  # fmt: skip
