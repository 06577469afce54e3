"""Reports and traces: every move is told in its hour, and what real workers did through an outage adds up."""

import json
import os
import subprocess
import sys
import time

import pytest
from leadrelay.client import Client
from leadrelay.inbox import adopt
from leadrelay.queue import DeadLetters, Entry, Settlement
from leadrelay.queue.books import read_books
from leadrelay.queue.find import Search
from leadrelay.queue.hours import keep_hours, read_hours
from leadrelay.settings import Settings
from leadrelay.tally import NONE, OTHER, total

from tests.valve import set_breaker

LANE = "a" * 16
DATASET = "d1"


def entry(number, title="signup", lane="", dataset=DATASET):
    return Entry(f"{number:032x}", lane, "11111111", b'{"n":%d}' % number, dataset, title)


def rows(queue):
    return read_hours(queue, 0, 10**9).rows


def tally(queue):
    return total(row.tally for row in rows(queue))


class Worker:
    """Claims, and settles by sequence number."""

    def __init__(self, queue):
        self.queue, self.number, self.tokens = queue, 0, {}

    def claim(self, limit=100):
        self.number += 1
        claim = self.queue.claim("w", f"c{self.number}", limit, 10**7, len(self.tokens))
        self.tokens |= {claimed.message.seq: claimed.token for claimed in claim.messages}

    def settle(self, seq, kind="delivered", argument="", attempt="9:1:accepted:http_200:5"):
        self.number += 1
        self.queue.settle("w", f"s{self.number}", [Settlement(self.tokens.pop(seq), kind, argument, attempt)])


@pytest.fixture
def worker(queue):
    return Worker(queue)


def accepted_ago(queue, seconds):
    """Make what is ready look as if it had been accepted so long ago, its row with it."""
    key, hours = queue.keys.name("ready"), queue.keys.name("hours")
    now = int(queue.client.time()[0]) * 1000
    for place, raw in enumerate(queue.client.lrange(key, 0, -1)):
        fields = raw.split(b" ")
        hour = int(fields[6]) // 3_600_000
        fields[6] = str(now - int(seconds * 1000)).encode()
        queue.client.lset(key, place, b" ".join(fields))
        for field, text in queue.client.hgetall(hours).items():
            if field.startswith(b"%d" % hour):
                queue.client.hdel(hours, field)
                queue.client.hset(hours, field.replace(b"%d" % hour, b"%d" % (int(fields[6]) // 3_600_000)), text)


def test_every_move_is_told_under_its_title_and_dataset(queue, worker):
    queue.enqueue([entry(1), entry(2), entry(3, "paid"), entry(4, "paid", dataset="d2"), entry(5), entry(6)])
    worker.claim()
    worker.settle(1)
    worker.settle(2, "scheduled", "3600000", "9:1:transient:http_503:5")
    worker.settle(3, "dead", "rejected", "9:1:rejected:http_400:5")
    worker.settle(4, "dead", "expired")
    worker.settle(5, "dropped", "revoked")
    told = {(row.dataset, row.title): row.tally for row in rows(queue)}
    assert told.keys() == {("d1", "signup"), ("d1", "paid"), ("d2", "paid")}
    signup = told["d1", "signup"]
    assert (signup.accepted, signup.on_time, signup.retried, signup.dropped, signup.waiting) == (4, 1, 1, 1, 2)
    assert told["d1", "paid"].dead == {"rejected": 1}
    assert told["d2", "paid"].dead == {"expired": 1}


def test_a_dead_letter_that_is_replayed_or_dropped_is_dead_no_more(queue, worker):
    queue.enqueue([entry(number, "paid") for number in range(1, 5)])
    worker.claim()
    for seq in (1, 2, 3, 4):
        worker.settle(seq, "dead", "rejected")
    letters = DeadLetters(queue)
    letters.replay([1, 2], "ann")
    letters.drop([3], "ann", "wrong")
    worker.claim()
    worker.settle(1)
    found = tally(queue)
    assert (found.dead_total, found.dropped, found.delivered, found.waiting) == (1, 1, 1, 1)
    letters.prune(older_than_s=10**6, keep=0, reason="count")
    assert (tally(queue).dead_total, tally(queue).dropped) == (0, 2)
    queue.purge("ann")
    assert (tally(queue).dropped, tally(queue).waiting) == (2, 1)


def test_late_is_counted_in_the_hour_of_acceptance_with_its_median_and_longest(queue, worker):
    queue.enqueue([entry(1), entry(2), entry(3)])
    accepted_ago(queue, 7200)
    queue.enqueue([entry(4)])
    worker.claim()
    for seq in (1, 2, 3, 4):
        worker.settle(seq)
    then, now = rows(queue)
    assert now.hour - then.hour in (2, 3)  # the hour may end between the two
    assert (then.tally.late, then.tally.on_time, now.tally.late, now.tally.on_time) == (3, 0, 0, 1)
    assert 7200_000 <= then.tally.late_max_ms < 7260_000
    assert 7200 / 1.42 <= then.tally.late_median_s <= 7260


def test_the_limit_of_on_time_is_the_workers_setting(queue, worker):
    keep_hours(queue, on_time_s=10_000, days=31)
    queue.enqueue([entry(1)])
    accepted_ago(queue, 7200)
    worker.claim()
    worker.settle(1)
    assert tally(queue).on_time == 1
    assert read_hours(queue, 0, 10**9).on_time_ms == 10_000_000


def test_titles_beyond_the_rows_of_an_hour_are_told_together(queue, worker):
    queue.enqueue([entry(number, f"title {number}") for number in range(1, 101)])
    queue.enqueue([entry(number, f"title {number}") for number in range(101, 151)])
    queue.enqueue([entry(200, "title 1"), entry(201, "title 151")])
    worker.claim(1000)
    for seq in list(worker.tokens):
        worker.settle(seq)
    found = rows(queue)
    assert len(found) == 101
    (other,) = [row for row in found if row.title == OTHER]
    assert (other.tally.accepted, other.tally.delivered) == (51, 51)
    assert tally(queue).accepted == tally(queue).delivered == 152


def test_old_hours_are_forgotten_and_what_ends_later_is_not_told(queue, worker):
    queue.enqueue([entry(1), entry(2)])
    accepted_ago(queue, 3 * 86400)
    queue.enqueue([entry(3)])
    assert keep_hours(queue, on_time_s=60, days=4) == 0
    queue.clock_was_set(86_400_000)
    assert keep_hours(queue, on_time_s=60, days=2) == 0, "they may only look old"
    queue.client.hdel(queue.keys.name("ledger"), "clock_set_at")
    assert keep_hours(queue, on_time_s=60, days=2) == 2
    worker.claim()
    for seq in (1, 2, 3):
        worker.settle(seq)
    assert (tally(queue).accepted, tally(queue).delivered) == (1, 1)
    assert read_books(queue).balanced


def test_an_unknown_result_makes_a_possible_double_and_is_not_forgotten_by_many_attempts(queue, worker):
    queue.enqueue([entry(1), entry(2), entry(3)])
    worker.claim()
    for number in range(1, 15):
        for seq in (1, 2):
            kind = "timeout?" if (seq, number) == (1, 2) else "transient"
            worker.settle(seq, "scheduled", "0", f"9:{number}:{kind.replace('timeout', 'transient')}:x:5")
        worker.claim()
    for seq in (1, 2, 3):
        worker.settle(seq)
    assert tally(queue).doubles == 1


def test_an_event_whose_worker_died_is_a_possible_double(queue, worker):
    queue.enqueue([entry(1)])
    worker.claim()
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    assert queue.rescue("run") == 1
    worker.tokens = {}
    worker.claim()
    (raw,) = queue.client.hvals(queue.keys.name("flight"))
    assert b":lost?:worker:0" in raw
    worker.settle(1)
    assert tally(queue).doubles == 1
    assert tally(queue).on_time == 1


def test_what_is_no_event_has_a_row_too(queue, worker):
    queue.client.lpush("leadrelay", b"rubbish")
    adopt(queue, lambda title, wire, eid: entry(1, title))
    queue.client.rpush(queue.keys.name("ready"), b"\x00rubbish")
    worker.claim()
    assert {row.title for row in rows(queue)} == {NONE}
    assert tally(queue).dead == {"malformed": 1, "unreadable": 1}
    assert (tally(queue).accepted, tally(queue).waiting) == (2, 0)


def test_no_address_of_a_title_is_in_the_hours(queue):
    client = Client(Settings.load({"LEADRELAY_DATASET_ID": "d1"}), queue)
    client.track([client.make("welcome very.secret@example.com", {"userId": "7"})], budget_s=5)
    (row,) = rows(queue)
    assert row.title == "welcome <address>"
    everything = repr(queue.client.hgetall(queue.keys.name("hours")))
    assert "secret" not in everything


# Tracing ----------------------------------------------------------------------------------------------------------


def find(queue, number, **kwargs):
    return Search(queue, f"{number:032x}", **kwargs).run()


def test_an_event_is_found_in_every_state(queue, worker):
    queue.enqueue([entry(1, lane=LANE), entry(2, lane=LANE), entry(3), entry(4), entry(5)])
    worker.claim(5)
    worker.settle(3, "scheduled", "60000", "9:1:transient?:timeout:8000")
    worker.settle(4, "dead", "rejected", "9:1:rejected:http_400:5")
    worker.settle(5)
    queue.enqueue([entry(6), entry(7)])
    queue.enqueue([entry(8)], bulk=True)
    states = {number: found.state if (found := find(queue, number)) else None for number in range(1, 9)}
    assert states == {
        1: "in_flight", 2: "held", 3: "scheduled", 4: "dead", 5: None, 6: "ready", 7: "ready", 8: "ready",
    }  # fmt: skip
    assert find(queue, 1).worker == "w"
    assert (find(queue, 2).place, find(queue, 2).ahead) == ("lane", 0)
    assert find(queue, 3).due_ms > time.time() * 1000
    assert find(queue, 4).reason == "rejected"
    assert (find(queue, 7).place, find(queue, 7).ahead, find(queue, 8).place) == ("ready", 1, "bulk")


def test_a_held_event_says_how_many_are_before_it(queue, worker):
    queue.enqueue([entry(number, lane=LANE) for number in range(1, 6)])
    worker.claim()
    assert [find(queue, number).ahead for number in (2, 3, 4, 5)] == [0, 1, 2, 3]
    set_breaker(queue, "11111111", "open")
    queue.enqueue([entry(9)])
    worker.claim()
    assert find(queue, 9).place == "dataset"


def test_a_search_is_bounded_and_an_eid_is_no_pattern(queue):
    queue.enqueue([entry(number) for number in range(1, 1001)])
    for start in range(1001, 5001, 1000):
        queue.enqueue([entry(number) for number in range(start, start + 1000)])
    assert find(queue, 1).ahead == 0
    search = Search(queue, f"{1:032x}", most=2000)
    assert search.run() is None
    assert not search.complete
    assert Search(queue, "*").run() is None


def cli(*args, **env):
    return subprocess.run(
        [sys.executable, "-m", "leadrelay", *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def operator(broker, monkeypatch):
    monkeypatch.setenv("LEADRELAY_BROKER_URL", broker.url)
    monkeypatch.setenv("LEADRELAY_DATASET_ID", DATASET)


@pytest.mark.usefixtures("operator")
def test_trace_says_where_an_event_is_or_what_not_knowing_means(queue, worker):
    queue.enqueue([entry(1), entry(2)])
    worker.claim()
    worker.settle(1, "scheduled", "60000", "1700000000000:1:transient?:timeout:8000")
    told = cli("trace", f"{1:032x}").stdout
    assert "scheduled: next attempt at " in told
    assert "timeout" in told
    assert "result unknown" in told
    assert "signup  of dataset d1" in told
    worker.settle(2)
    gone = cli("trace", f"{2:032x}", "--json")
    assert json.loads(gone.stdout)["state"] == "gone"
    unknown = cli("trace", "f" * 32)
    assert unknown.returncode == 1
    assert "not known here" in unknown.stdout
    assert "searched   the queue\n" in unknown.stdout or "messages of the queue\n" in unknown.stdout
    assert cli("trace").returncode == 2
    assert cli("trace", "--idempotency-key", "order-7").returncode == 1
    assert cli("track", "paid", "idempotency_key=order-7").returncode == 0
    by_key = json.loads(cli("trace", "--idempotency-key", "order-7", "--json").stdout)
    assert (by_key["state"], by_key["title"], by_key["searched"]["complete"]) == ("ready", "paid", True)


@pytest.mark.usefixtures("operator", "queue")
def test_report_refuses_what_it_cannot_read():
    for arguments in (("--since", "yesterday"), ("--since", "1h", "--until", "2h"), ("--csv", "--json")):
        done = cli("report", *arguments)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
    assert cli("report", "--since", "2026-05-01", "--until", "2026-05-02T10:00+02:00").returncode == 0


@pytest.mark.usefixtures("operator")
@pytest.mark.parametrize(
    ("form", "begins"), [("--csv", "title,"), ("--html", "<!doctype"), ("--json", "{"), (None, "Events")]
)
def test_a_report_goes_to_a_file_in_every_form(queue, tmp_path, form, begins):
    queue.enqueue([entry(1)])
    file = tmp_path / "report"
    done = cli("report", "--by", "title", "--output", str(file), *([form] if form else []))
    assert done.stdout == f"written: {file}\n"
    assert file.read_text().startswith(begins)
    assert "signup" in file.read_text()
