"""Counting, election and the valve on a real server."""

from leadrelay.queue import DeadLetters, Entry, Valve, control
from leadrelay.queue.books import read_books
from leadrelay.queue.core import REJECTED_RUN
from leadrelay.queue.valve import Breaker
from leadrelay_worker.flow.counts import report_of
from leadrelay_worker.flow.evidence import Row

from tests.chaos.processes import until
from tests.integration.moves import LANE, Requests, entries, entry, seqs
from tests.valve import set_breaker

A, B = "11111111", "22222222"
FAILED = "1:1:transient:http_503:5"
REJECTED = "1:1:rejected:http_400:5"


def settle_all(worker, claim, *what):
    for seq in seqs(claim):
        worker.settle(seq, *what)


def rows(queue):
    return set(report_of(control.elect(queue, "c")).rows)


def of(queue, key):
    return {one.key: one for one in read_books(queue).sending.breakers}[key]


# Counting -----------------------------------------------------------------------------------------------------------


def test_outcomes_are_counted_by_dataset_worker_and_reason_with_the_events_that_failed(queue, worker):
    queue.enqueue([entry(1), entry(2), entry(3), entry(4, scope=B)])
    worker.claim()
    worker.settle(1)
    worker.settle(2, "scheduled", "0", FAILED)
    worker.settle(3, "scheduled", "60000", "1:1:throttled:http_429:5")
    worker.settle(4, "dead", "malformed", "1:1:rejected:malformed:0")
    watch = control.elect(queue, "c")
    report = report_of(watch)
    assert set(report.rows) == {
        Row(A, "w", "accepted", "200", 1),
        Row(A, "w", "transient", "http_503", 1, (2,)),
        Row(A, "w", "throttled", "http_429", 1, (3,)),
    }
    assert report.hints == {A: 60.0}
    assert report.only is None


def test_a_repeated_settlement_counts_once(queue, worker):
    queue.enqueue(entries(1))
    (claimed,) = worker.claim().messages
    from leadrelay.queue import Settlement  # noqa: PLC0415

    for _ in range(2):
        queue.settle("w", "same", [Settlement(claimed.token, "delivered", "", "1:1:accepted:http_200:5")])
    assert rows(queue) == {Row(A, "w", "accepted", "http_200", 1)}


def test_what_is_counted_while_the_controller_decides_is_not_lost(queue, worker):
    queue.enqueue(entries(3))
    worker.claim()
    worker.settle(1)
    worker.settle(2, "scheduled", "0", FAILED)
    watch = control.elect(queue, "c")
    worker.settle(3)
    assert control.decide(queue, watch, "memory", [])
    assert rows(queue) == {Row(A, "w", "accepted", "200", 1)}
    assert control.elect(queue, "c").memory == "memory"


def test_events_that_failed_are_named_but_not_all_of_them(queue, worker):
    queue.enqueue(entries(30))
    settle_all(worker, worker.claim(limit=30), "scheduled", "60000", FAILED)
    (row,) = rows(queue)
    assert row.number == 30
    assert row.events == (1, 2, 3, 4, 5, 6, 7, 8)


# Mass rejection -----------------------------------------------------------------------------------------------------


def test_so_many_rejected_in_a_row_are_buried_and_the_rest_waits(queue, worker):
    queue.enqueue(entries(30))
    settle_all(worker, worker.claim(limit=30), "dead", "rejected", REJECTED)
    books = read_books(queue)
    assert (books.dead, books.scheduled, books.balanced) == (REJECTED_RUN, 30 - REJECTED_RUN, True)
    assert report_of(control.elect(queue, "c")).runs == {A: 20, "": 20}


def test_an_accepted_event_begins_the_count_anew(queue, worker):
    queue.enqueue(entries(30))
    worker.claim(limit=30)
    for seq in range(1, 31):
        worker.settle(seq, *(() if seq == 15 else ("dead", "rejected", REJECTED)))
    assert read_books(queue).dead == 29


def test_over_datasets_and_workers_three_times_as_many_are_buried(queue):
    workers = [Requests(queue, f"w{n}") for n in range(8)]
    queue.enqueue([entry(n, scope=f"{n % 10:08}") for n in range(100)])
    for n in range(80):
        worker = workers[n // 10]
        (seq,) = seqs(worker.claim(limit=1))
        worker.settle(seq, "dead", "rejected", REJECTED)
    assert read_books(queue).dead == 3 * REJECTED_RUN


def test_a_worker_alone_buries_no_more_whatever_the_others_see(queue):
    broken, healthy = Requests(queue, "broken"), Requests(queue, "healthy")
    queue.enqueue(entries(100))
    for _ in range(40):
        (seq,) = seqs(broken.claim(limit=1))
        broken.settle(seq, "dead", "rejected", REJECTED)
        (seq,) = seqs(healthy.claim(limit=1))
        healthy.settle(seq)
    assert read_books(queue).dead == REJECTED_RUN


def test_an_operator_who_forces_it_has_them_buried_until_one_is_accepted(queue, worker):
    queue.enqueue(entries(100))
    settle_all(worker, worker.claim(limit=30), "dead", "rejected", REJECTED)
    set_breaker(queue, "", "open")
    Valve(queue).force("ann")
    assert of(queue, "").state == "limited"
    set_breaker(queue, "", "closed")
    settle_all(worker, worker.claim(limit=30), "dead", "rejected", REJECTED)
    assert read_books(queue).dead == REJECTED_RUN + 30
    (seq,) = seqs(worker.claim(limit=1))
    worker.settle(seq)
    settle_all(worker, worker.claim(limit=30), "dead", "rejected", REJECTED)
    assert read_books(queue).dead == 2 * REJECTED_RUN + 30


def test_runs_of_workers_that_are_gone_and_of_too_many_datasets_are_forgotten(queue, worker, monkeypatch):
    monkeypatch.setattr(control, "MOST_RUNS", 5)
    queue.enqueue([entry(n, scope=f"{n:08}") for n in range(10)])
    settle_all(worker, worker.claim(), "dead", "rejected", REJECTED)
    gone = Requests(queue, "gone")
    queue.enqueue([entry(10, scope=f"{10:08}")])
    settle_all(gone, gone.claim(), "dead", "rejected", REJECTED)
    queue.leave("gone")
    assert control.decide(queue, control.elect(queue, "c"), "", [])
    left = {field.decode() for field in queue.client.hkeys(queue.keys.name("flow"))}
    assert {"run:", "run:@w"} <= left
    assert "run:@gone" not in left
    assert len([field for field in left if field.startswith("run:0")]) <= 5


# Election -----------------------------------------------------------------------------------------------------------


def test_one_worker_at_a_time_is_the_controller(queue):
    assert control.elect(queue, "one", lease_s=60).term == 1
    assert control.elect(queue, "two", lease_s=60) is None
    assert control.elect(queue, "one", lease_s=0).term == 1
    assert until(lambda: control.elect(queue, "two"), "the lease runs out", 5).term == 2


def test_what_a_former_controller_writes_is_refused(queue):
    old = control.elect(queue, "one", lease_s=0)
    new = until(lambda: control.elect(queue, "two"), "the lease runs out", 5)
    before = queue.client.hgetall(queue.keys.name("valve")), queue.client.hgetall(queue.keys.name("flow"))
    shut = ("breaker", *Breaker("", "open", "stale").arguments(record=True))
    assert not control.decide(queue, old, "stale", [shut])
    assert (queue.client.hgetall(queue.keys.name("valve")), queue.client.hgetall(queue.keys.name("flow"))) == before
    assert control.decide(queue, new, "fresh", [shut])
    assert read_books(queue).sending.state == "breaker open"


# The breaker of a dataset ---------------------------------------------------------------------------------------------


def test_the_queue_knows_whether_all_that_waits_is_of_one_dataset(queue, worker):
    queue.enqueue(entries(2))
    assert control.elect(queue, "c").only_scope == A
    queue.enqueue([entry(3, scope=B)])
    assert control.elect(queue, "c").only_scope is None
    settle_all(worker, worker.claim())
    queue.enqueue([entry(4, scope=B)])
    assert control.elect(queue, "c").only_scope == B


def test_a_replayed_event_of_another_dataset_is_noticed_at_its_claim(queue, worker):
    queue.enqueue([entry(1, scope=B)])
    worker.claim()
    worker.settle(1, "dead", "rejected", REJECTED)
    queue.enqueue([entry(2)])
    DeadLetters(queue).replay([1], "ann")
    worker.claim()
    assert control.elect(queue, "c").only_scope is None


def test_a_worker_hears_what_it_must_not_begin(queue, worker):
    queue.enqueue(entries(3))
    assert worker.claim(limit=1).blocked == frozenset()
    set_breaker(queue, A, "open")
    assert worker.claim(limit=1).blocked == {A}
    set_breaker(queue, "", "open")
    assert worker.claim(limit=1).blocked == {"*", A}
    set_breaker(queue, "", "closed")
    set_breaker(queue, A, "limited", rate=5)
    assert worker.claim(limit=1).blocked == frozenset()
    Valve(queue).pause("ann")
    assert worker.claim(limit=1).blocked == {"*"}


def test_probes_are_fresh_events_before_tried_ones_and_tried_ones_in_turn(queue, worker):
    queue.enqueue(entries(3))
    worker.claim(limit=2)
    worker.settle(1, "scheduled", "0", FAILED)
    worker.settle(2, "scheduled", "0", FAILED)
    set_breaker(queue, "", "open")
    order = []
    for _ in range(5):
        queue.due()
        set_breaker(queue, "", "half_open")
        (seq,) = seqs(worker.claim())
        assert seqs(worker.claim()) == []
        worker.settle(seq, "scheduled", "0", FAILED)
        order.append(seq)
    assert order[0] == 3
    assert sorted(order[1:4]) == [1, 2, 3]


def test_probes_of_a_dataset_keep_the_order_of_lanes(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3), entry(4, LANE)])
    (first,) = seqs(worker.claim(limit=1))
    worker.settle(first, "scheduled", "0", FAILED)
    set_breaker(queue, A, "open", tripped_by=1)
    worker.claim()
    set_breaker(queue, A, "half_open", tripped_by=1)
    assert seqs(worker.claim()) == [3]
    worker.settle(3)
    set_breaker(queue, A, "closed")
    order = []
    while claim := seqs(worker.claim()):
        order += claim
        worker.settle(claim[0])
    assert order == [1, 2, 4]


def test_a_slow_start_of_one_dataset_leaves_the_others_alone(queue, worker):
    set_breaker(queue, A, "open")
    queue.enqueue([*entries(50), *(entry(n, scope=B) for n in range(51, 101))])
    assert len(seqs(worker.claim(limit=60))) == 50
    set_breaker(queue, A, "limited", rate=40)
    queue.enqueue([entry(n, scope=B) for n in range(101, 111)])
    first = worker.claim(limit=60)
    assert sum(claimed.message.scope == A for claimed in first.messages) <= 2
    assert sum(claimed.message.scope == B for claimed in first.messages) == 10
    assert 0 < first.wait_ms <= 30
    set_breaker(queue, A, "closed")
    rest = []
    while claim := seqs(worker.claim(limit=60)):
        rest += claim
    assert rest == sorted(rest)
    assert read_books(queue).sending.breakers == ()
    assert queue.client.hget(queue.keys.name("valve"), "scopes") == b""
    assert [field for field in queue.client.hkeys(queue.keys.name("valve")) if A.encode() in field] == []


def test_an_event_does_not_grow_old_while_its_dataset_is_blocked(queue, worker):
    queue.enqueue(entries(1))
    set_breaker(queue, A, "open")
    worker.claim()
    (member,) = queue.client.zrange(queue.keys.name("held"), 0, -1)
    age = int(member.split(b"|", 2)[2].split(b" ")[7])
    assert age < 5000
    queue.client.hset(queue.keys.name("valve"), "closed_ms", -3_600_000)  # an hour of open time passes
    set_breaker(queue, A, "closed")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms < 5000


def test_datasets_that_drain_take_turns_and_a_probe_is_not_kept_waiting(queue, worker):
    third = "33333333"
    for scope in (A, B, third):
        set_breaker(queue, scope, "open")
    queue.enqueue([entry(n, scope=(A, B, third)[n % 3]) for n in range(1, 91)])
    worker.claim(limit=90)
    set_breaker(queue, A, "closed")
    set_breaker(queue, B, "closed")
    set_breaker(queue, third, "half_open")
    scopes = [worker.claim(limit=1).messages[0].message.scope for _ in range(9)]
    assert scopes[0] == third
    assert sorted(scopes[1:]) == [A] * 4 + [B] * 4


# A worker's own breaker -----------------------------------------------------------------------------------------------


def test_a_worker_that_fails_alone_is_handed_nothing_then_one_event(queue, worker):
    queue.enqueue(entries(9))
    set_breaker(queue, "@w", "open")
    assert (worker.claim().messages, worker.claim().blocked) == ((), {"*"})
    other = Requests(queue, "other")
    assert len(other.claim(limit=2).messages) == 2
    set_breaker(queue, "@w", "half_open")
    assert len(worker.claim().messages) == 1
    assert worker.claim().messages == ()
    set_breaker(queue, "@w", "closed")
    assert len(worker.claim().messages) == 6
    assert read_books(queue).sending.state == "on"


# Rates ----------------------------------------------------------------------------------------------------------------


def test_the_lower_of_rate_and_ceiling_holds(queue, worker):
    queue.enqueue(entries(200))
    Valve(queue).set_rate("ann", 1000)
    set_breaker(queue, "", "limited", rate=20)
    assert read_books(queue).sending.rate == 20
    worker.claim(limit=100)
    assert len(worker.claim(limit=100).messages) <= 1
    set_breaker(queue, "", "limited", rate=50_000)
    assert read_books(queue).sending.rate == 1000
    Valve(queue).set_rate("ann", None)
    assert read_books(queue).sending.rate == 50_000
    set_breaker(queue, "", "closed")
    assert read_books(queue).sending.rate is None
    assert worker.claim(limit=500).messages


def test_what_became_due_meanwhile_comes_back_at_the_rate(queue, worker):
    queue.enqueue(entries(100))
    settle_all(worker, worker.claim(limit=100), "scheduled", "0", FAILED)
    set_breaker(queue, "", "open")
    assert queue.due() == 100
    assert read_books(queue).ready == 100
    set_breaker(queue, "", "limited", rate=10)
    assert len(worker.claim(limit=100).messages) == 1
    assert 0 < worker.claim(limit=100).wait_ms <= 100


# What operators do and see --------------------------------------------------------------------------------------------


def test_resuming_tries_at_once_whatever_is_open(queue, worker):
    queue.enqueue(entries(3))
    for key in ("", A, "@w"):
        set_breaker(queue, key, "open")
    Valve(queue).resume("ann")
    assert [one.state for one in read_books(queue).sending.breakers] == ["half_open"] * 3


def test_forcing_one_dataset_that_is_all_there_is_closes_the_breaker_of_all(queue):
    queue.enqueue(entries(1))
    set_breaker(queue, "", "open")
    Valve(queue).force("ann", A)
    assert (of(queue, "").state, of(queue, "").rate) == ("limited", 1)
    Valve(queue).force("ann", B)
    assert [one.key for one in read_books(queue).sending.breakers] == [""]


def test_every_change_is_recorded_with_who_and_why(queue):
    valve = Valve(queue)
    valve.pause("ann", "maintenance")
    valve.resume("ann")
    valve.resume("ann")
    valve.set_rate("bob", 50)
    set_breaker(queue, A, "open")
    valve.force("eve", A)
    lines = queue.client.lrange(queue.keys.name("audit"), 0, -1)
    told = [line.decode().split("\t", 2)[2].replace("\t", " ").strip() for line in reversed(lines)]
    assert told == [
        "ann pause maintenance",
        "ann resume",
        "bob rate at most 50 a second",
        f"me breaker {A} open: test",
        f"eve breaker {A} limited: closed by eve",
    ]


def test_sending_says_the_worst_and_names_the_rest(queue):
    entry_of = Entry("f" * 32, "", A, b"{}")
    queue.enqueue([entry_of])
    assert read_books(queue).sending.state == "on"
    set_breaker(queue, A, "limited", rate=7.5)
    sending = read_books(queue).sending
    assert (sending.state, sending.reason, sending.rate) == ("on", f"for dataset {A}: test", 7.5)
    set_breaker(queue, B, "open")
    sending = read_books(queue).sending
    assert (sending.state, sending.reason) == ("breaker open", f"for dataset {B}: test (and 1 more dataset)")
    assert sending.since_ms
    set_breaker(queue, "", "half_open")
    assert read_books(queue).sending.state == "breaker half-open"
    Valve(queue).pause("ann", "maintenance", for_s=60)
    sending = read_books(queue).sending
    assert (sending.state, sending.reason) == ("paused", "by ann: maintenance")
    assert sending.until_ms - sending.since_ms == 60_000
