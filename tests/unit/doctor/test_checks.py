"""Every check, over facts that are made up: the level that it gives, and that it says what to do."""

from dataclasses import replace

import pytest
from leadrelay.doctor import examine
from leadrelay.doctor.checks import TABLE
from leadrelay.doctor.facts import BrokerFacts, DestinationFacts, Facts, FolderFacts, QueueFacts
from leadrelay.queue.books import Books
from leadrelay.queue.hot import HotLane
from leadrelay.queue.valve import Sending

BOOKS = Books(
    accepted=1000, adopted=0, delivered=900, ready=100, scheduled=0, held=0, in_flight=0, inbox=0, dead=0, dropped=0,
    late=0, retried=0, rescued=0, replayed=0, gave_way=0, deduplicated=0, died=0, attempts={}, epoch=1,
    seq=1000, now_ms=1_000_000, oldest_ms=None, workers=1, worker_heard_ms=None, lengths={"dead_at": 0, "bulk": 0},
    expected={"ready": 100, "scheduled": 0, "held": 0, "in_flight": 0, "dead": 0},
    sending=Sending("on", "", None, None, None, None, ()),
)  # fmt: skip
BROKER = BrokerFacts(
    name="valkey",
    version=(8, 0, 1),
    policy="noeviction",
    max_bytes=10**9,
    used_bytes=10**6,
    machine_bytes=10**10,
    aof=True,
    writes_ok=True,
    replica=False,
    mode="standalone",
    clock_ahead_s=0.1,
    latency_s=(0.001, 0.002),
)
QUEUE = QueueFacts(BOOKS, replace(BOOKS, now_ms=1_001_000))
DESTINATION = DestinationFacts("log.example.com", tls=True, local=False, status=400)
FOLDER = FolderFacts("/home/x", exists=True, writable=True, private=True, free_bytes=10**11, filesystem="ext4")
WELL = Facts("leadrelay", "0" * 32, 0.05, False, "", 1, BROKER, QUEUE, DESTINATION, (FOLDER,))


def broker(**changes):
    return replace(WELL, broker=replace(BROKER, **changes))


def now(before=(), **changes):
    after = replace(QUEUE.after, **changes)
    return replace(WELL, queue=replace(QUEUE, before=replace(BOOKS, **dict(before)), after=after))


def queue(**changes):
    return replace(WELL, queue=replace(QUEUE, **changes))


def asked(**changes):
    return replace(WELL, destination=replace(DESTINATION, **changes))


def folder(**changes):
    return replace(WELL, folders=(replace(FOLDER, **changes),))


CLUSTER = {"mode": "cluster", "shards": 1}
CASES = [
    ("clock set", "ok", now(clock_set_at_ms=1, now_ms=90_000_000)),
    ("clock set", "warning", now(clock_set_at_ms=900_000, clock_set_by_ms=-3_600_000)),
    ("clock set", "warning", now(clock_set_at_ms=900_000, clock_set_by_ms=86_400_000)),
    ("broker", "problem", replace(WELL, unreachable="away", broker=None, queue=None)),
    ("broker", "warning", replace(WELL, broker=BrokerFacts())),
    ("version", "ok", broker(version=(7, 0))),
    ("version", "problem", broker(version=(6, 2, 14))),
    ("eviction", "problem", broker(policy="allkeys-lru")),
    ("eviction", "problem", broker(policy="optimistic-volatile")),
    ("eviction", "warning", broker(policy="volatile-ttl")),
    ("replica", "problem", broker(replica=True)),
    ("cluster", "ok", broker(**CLUSTER)),
    ("cluster", "problem", broker(mode="cluster", shards=3)),
    ("cluster", "warning", broker(mode="cluster", shards=None)),
    ("sentinel", "problem", broker(mode="sentinel")),
    ("failover", "warning", broker(replicas=2)),
    ("failover", "ok", broker(replicas=2, min_replicas=True)),
    ("persistence", "warning", broker(aof=False)),
    ("persistence", "problem", broker(writes_ok=False)),
    ("disk", "warning", broker(delayed_fsyncs=3)),
    ("memory", "warning", broker(max_bytes=0)),
    ("clock", "warning", broker(clock_ahead_s=-3)),
    ("clock", "problem", broker(clock_ahead_s=31)),
    ("latency", "warning", broker(latency_s=(0.04, 0.05))),
    ("lease", "problem", broker(latency_s=(0.001, 12))),
    ("lease", "problem", replace(WELL, timeout_s=20)),
    ("schema", "problem", replace(WELL, schema=2, queue=None)),
    ("schema", "ok", replace(WELL, schema=None)),
    ("books", "problem", now(delivered=899)),
    ("books", "problem", queue(rewinds=("the broker lost at most 3 accepted events",))),
    ("workers", "problem", now(workers=0)),
    ("workers", "warning", now(workers=0, delivered=1000, ready=0)),
    ("sending", "warning", now(sending=Sending("paused", "by ann", 1, None, None, None, ()))),
    ("lanes", "warning", queue(hot=(HotLane("a1b2", 5000, 17, "page_view"), HotLane("c3d4", 1000, 0, "")))),
    ("headroom", "problem", broker(used_bytes=9 * 10**8)),
    ("headroom", "problem", now({"accepted": 0}, accepted=2000)),
    ("headroom", "warning", now({"accepted": 980})),
    ("headroom", "ok", now({"accepted": 980, "delivered": 880})),
    ("dead letters", "ok", now(dead=1000)),
    ("dead letters", "warning", now(dead=1_000_000)),
    ("dead letters", "ok", replace(now(dead=1_000_000), bounded=True)),
    ("inbox", "warning", now(inbox=5)),
    ("inbox", "ok", now(inbox=5, adopted=3)),
    ("priorities", "problem", replace(queue(inbox={0: 1, 3: 2}), broker=replace(BROKER, **CLUSTER))),
    ("stray", "warning", queue(stray={"celery": 4})),
    ("dataset", "warning", replace(WELL, dataset_id=None)),
    ("dataset", "warning", replace(WELL, dataset_id="www.example.com")),
    *[("destination", "problem", asked(failure=name)) for name in ("dns", "connect", "tls", "timeout", "cut")],
    *[("destination", "warning", asked(status=status)) for status in (301, 401, 403, 404, 503, 200)],
    *[("destination", "ok", asked(status=status)) for status in (400, 405, 422)],
    ("destination", "ok", asked(status=200, with_id=True)),
    ("destination", "warning", asked(tls=False)),
    ("destination", "ok", asked(tls=False, local=True)),
    ("folder", "problem", folder(writable=False)),
    ("folder", "warning", folder(private=False)),
    ("folder", "warning", folder(free_bytes=5 * 10**8)),
    ("folder", "problem", folder(free_bytes=10**7)),
    ("folder", "warning", folder(filesystem="overlay")),
]
RANK = ("ok", "warning", "problem")


def worst(facts, check):
    found = [finding for finding in examine(facts) if finding.check == check]
    return max((finding.level for finding in found), key=RANK.index), found


@pytest.mark.parametrize(("check", "level", "facts"), CASES)
def test_a_check_gives_its_level_and_says_why_and_what_to_do(check, level, facts):
    given, found = worst(facts, check)
    assert given == level
    for finding in found:
        assert (finding.level == "ok") == (finding.why == "") == (finding.do == "")


def test_all_is_well_when_it_is():
    assert {finding.level for finding in examine(WELL)} == {"ok"}


def test_every_check_has_a_case_that_is_not_well():
    assert {name for name, _ in TABLE} == {check for check, level, _ in CASES if level != "ok"}


def test_nothing_is_said_about_facts_that_are_not_there():
    bare = Facts("leadrelay", "0" * 32, 0.05, unreachable="away")
    assert {finding.check for finding in examine(bare)} == {"broker", "dataset"}
