"""The figures of an outage, with real workers."""

import json
from collections import Counter

import pytest
from leadrelay.client import Client
from leadrelay.history import HistoryFiles
from leadrelay.queue import DeadLetters, Entry, Queue, Valve
from leadrelay.queue.books import read_books
from leadrelay.settings import Settings

from tests.chaos.oracle import read_arrived
from tests.chaos.processes import until
from tests.chaos.run import Run
from tests.integration.test_report import cli, tally


def ledger_agrees(queue: Queue):
    books, found = read_books(queue), tally(queue)
    assert (found.accepted, found.delivered, found.dead_total) == (books.accepted, books.delivered, books.dead)
    assert (found.dropped, found.retried) == (books.dropped, books.retried)
    assert found.waiting == books.backlog + books.in_flight
    return found


def track(run, count, title, first):
    client = Client(Settings.load(run.env), run.queue)
    wires = [{"userId": f"user-{title}-{n % 50}", "serial": first + n} for n in range(count)]
    client.track([client.make(title, wire) for wire in wires], budget_s=10)


def an_outage(run):
    """Track through cut connections, 503s, rejections and a kill -9; drop, replay, and leave some waiting."""
    worker = run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims")
    track(run, 100, "signup", 0)
    until(lambda: run.books().delivered == 100, "the first are delivered")
    cut = {"drop": "after", "share": 0.3, "ti": "invoice_paid"}
    run.faults({"status": 400, "ti": "bad"}, cut, {"status": 503, "ti": "invoice_paid"})
    track(run, 200, "invoice_paid", 1000)
    track(run, 10, "bad", 2000)
    until(lambda: run.books().dead == 10 and run.books().retried >= 50, "the outage is felt", 30)
    run.faults({"delay_s": 5})
    until(run.in_flight, "events are in flight again", 30)
    run.kill_worker(worker)
    run.expire_leases()
    run.faults()
    run.start_worker()
    run.drain()
    letters = DeadLetters(run.queue)
    seqs = [letter.message.seq for letter in letters.select()]
    letters.drop(seqs[:3], "ann", "test data")
    letters.replay(seqs[3:5], "ann")
    until(lambda: run.books().delivered == 302, "the replayed are delivered")
    Valve(run.queue).pause("ann")
    track(run, 20, "signup", 3000)


def figures_are_right(run):
    found = ledger_agrees(run.queue)
    assert cli("verify", **run.env).returncode == 0
    assert (found.accepted, found.dead_total, found.dropped, found.waiting) == (330, 5, 3, 20)
    assert found.delivered == 302
    assert found.on_time > 0
    assert found.late >= 50
    assert found.late_max_ms > 4000
    told = json.loads(cli("report", "--since", "2h", "--by", "title", "--json", **run.env).stdout)
    assert told["on_time_s"] == 4
    groups = {group["name"]: group for group in told["groups"]}
    accepted = {name: group["accepted"] for name, group in groups.items()}
    assert accepted == {"invoice_paid": 200, "signup": 120, "bad": 10}
    for group in [told["total"], *groups.values()]:
        assert group["accepted"] == sum(group[part] for part in ("on_time", "late", "dead", "waiting", "dropped"))
    assert groups["bad"]["dead_by_reason"] == {"rejected": 5}
    return told


def doubles_are_named(run, told):
    arrived = Counter(eid for _, eid, _ in read_arrived(run.folder / "arrived.sqlite"))
    twice = {eid for eid, number in arrived.items() if number > 1}
    assert twice, "the outage has made doubles"
    assert told["total"]["possible_doubles"] >= len(twice)
    until(lambda: len(doubles(run)) == told["total"]["possible_doubles"], "the history names them all", 5)
    assert twice <= doubles(run)
    return min(twice)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_the_figures_of_an_outage_add_up_and_agree_with_the_ledger(tmp_path, pool):
    with Run(tmp_path, pool=pool) as run:
        run.env |= {"LEADRELAY_ON_TIME_S": "4", "LEADRELAY_CONCURRENCY": "4"}
        an_outage(run)
        told = figures_are_right(run)
        eid = doubles_are_named(run, told)
        trace = json.loads(cli("trace", eid, "--json", **run.env).stdout)
        assert trace["state"] == "delivered"
        assert any(attempt["unknown"] for attempt in trace["history"])
        page = cli("report", "--html", "--by", "title", **run.env).stdout
        assert eid in page
        for text in (page, json.dumps(told), *(path.read_text() for path in home(run).files())):
            assert "user-" not in text


def home(run):
    return HistoryFiles(run.folder / "home")


def doubles(run):
    return {ended.eid for ended in home(run).doubles(0, 10**15)}


def test_without_history_nothing_is_written_and_reports_still_count(tmp_path):
    with Run(tmp_path) as run:
        run.start_worker(LEADRELAY_HISTORY="off")
        run.queue.enqueue([Entry("a" * 32, "", "s", b'{"si":"d1","ti":"signup"}', "d1", "signup")])
        until(lambda: run.books().delivered == 1, "it is delivered")
        assert tally(run.queue).on_time == 1
        assert home(run).files() == []
        assert json.loads(cli("trace", "a" * 32, "--json", **run.env).stdout)["state"] == "gone"
