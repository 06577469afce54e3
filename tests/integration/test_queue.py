"""The queue's moves on a real server, one by one."""

import hashlib
import json
import os

import pytest
from leadrelay.errors import BrokerFull, EnqueueTooLate, SchemaTooNew
from leadrelay.inbox import adopt
from leadrelay.queue import Batch, DeadLetters, Entry, Queue, Replayed, Selection, Settlement, Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.message import Message
from leadrelay.queue.verify import recount, rewinds, waiting
from leadrelay.witness import Witness

from tests.chaos.processes import Broker, until
from tests.valve import set_breaker

LANE = "a" * 16


def entry(number, lane="", scope="11111111"):
    return Entry(f"{number:032x}", lane, scope, b'{"n":%d,"empty":[],"big":12345678901234567890}' % number)


def entries(count, **kwargs):
    return [entry(number, **kwargs) for number in range(1, count + 1)]


class Requests:
    """A worker's side: new request ids, and tokens by sequence number."""

    def __init__(self, queue, name="w"):
        self.queue, self.name, self.number, self.tokens = queue, name, 0, {}

    def claim(self, limit=10, max_bytes=10**6):
        self.number += 1
        claim = self.queue.claim(self.name, f"c{self.number}", limit, max_bytes, len(self.tokens))
        self.tokens |= {claimed.message.seq: claimed.token for claimed in claim.messages}
        return claim

    def settle(self, seq, kind="delivered", argument="", attempt="1:1:accepted:200:5"):
        self.number += 1
        settlement = Settlement(self.tokens.pop(seq), kind, argument, attempt)
        return self.queue.settle(self.name, f"s{self.number}", [settlement])


@pytest.fixture
def worker(queue):
    return Requests(queue)


def seqs(claim):
    return [claimed.message.seq for claimed in claim.messages]


def test_oldest_first_and_the_payload_untouched(queue, worker):
    queue.enqueue(entries(3))
    claim = worker.claim()
    assert seqs(claim) == [1, 2, 3]
    assert claim.messages[0].message.payload == entry(1).payload


def test_an_eid_is_enqueued_once(queue):
    first, again = queue.enqueue([entry(1), entry(1)])
    (later,) = queue.enqueue([entry(1)])
    assert (first.duplicate, again.duplicate, later.duplicate) == (False, True, True)
    assert {first.seq, again.seq, later.seq} == {1}
    assert read_books(queue).accepted == 1


def test_a_batch_is_recognised_when_its_events_are_long_forgotten(queue, worker):
    batch = Batch("journal", "digest")
    assert queue.last_batch("journal") == ""
    queue.enqueue(entries(2), batch=batch)
    for seq in seqs(worker.claim()):
        worker.settle(seq)
    queue.client.delete(queue.keys.name("recent"), queue.keys.name("recent_old"))
    again = queue.enqueue(entries(2), batch=batch)
    assert [(receipt.seq, receipt.duplicate) for receipt in again] == [(2, True), (2, True)]
    assert queue.last_batch("journal") == "digest"
    assert queue.last_batch("another") == ""
    queue.enqueue(entries(2), batch=Batch("journal", "other"))
    assert read_books(queue).accepted == 4


def test_a_late_call_does_nothing(queue):
    seconds, _ = queue.client.time()
    with pytest.raises(EnqueueTooLate):
        queue.enqueue([entry(1)], deadline_ms=(seconds - 1) * 1000)
    assert read_books(queue).accepted == 0


def test_counts_and_bytes_bound_a_claim(queue, worker):
    queue.enqueue(entries(10))
    assert len(worker.claim(limit=3).messages) == 3
    assert len(worker.claim(max_bytes=1).messages) == 1
    assert len(worker.claim(max_bytes=350).messages) == 2


def test_live_events_pass_an_import(queue, worker):
    queue.enqueue([entry(number) for number in range(100, 200)], bulk=True)
    queue.enqueue(entries(20))
    first = seqs(worker.claim(limit=20))
    assert sum(seq > 100 for seq in first) > 15
    assert sum(seq <= 100 for seq in first) >= 1


def test_a_scheduled_event_comes_back_with_its_history(queue, worker):
    queue.enqueue([entry(1)])
    for number in range(12):
        worker.claim()
        worker.settle(1, "scheduled", "0", f"9:{number + 1}:transient:503:5")
    (claimed,) = worker.claim().messages
    assert claimed.message.attempts == 12
    assert len(claimed.message.history) == 10
    assert claimed.message.history[-1].startswith("9:12:")


def test_a_lane_waits_for_its_head(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3), entry(4, LANE)])
    assert seqs(worker.claim()) == [1, 3]
    assert read_books(queue).held == 2
    worker.settle(1, "scheduled", "3600000")
    assert seqs(worker.claim()) == []
    queue.client.zadd(queue.keys.name("scheduled"), {queue.client.zrange(queue.keys.name("scheduled"), 0, 0)[0]: 1})
    assert seqs(worker.claim()) == [1]
    worker.settle(1)
    assert seqs(worker.claim()) == [2]
    worker.settle(2, "dead", "rejected")
    assert seqs(worker.claim()) == [4]


def test_a_dead_worker_is_rescued_and_a_late_settle_moves_nothing(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    assert queue.rescue("run") == 2
    assert not queue.heartbeat("w")
    settled = worker.settle(1)
    assert (settled.moved, settled.late) == (0, 1)
    other = Requests(queue, "other")
    claim = other.claim()
    assert claim.alone
    assert seqs(claim) == [1]
    assert read_books(queue).late == 1


def test_a_busy_worker_drains_before_it_takes_a_suspect(queue):
    queue.enqueue(entries(1))
    dead, busy = Requests(queue, "dead"), Requests(queue, "busy")
    dead.claim()
    queue.enqueue([entry(9), entry(10)])
    busy.claim(limit=1)
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"dead": 1}, xx=True)
    queue.rescue("run")
    assert busy.claim().drain
    busy.settle(2)
    claim = busy.claim()
    assert claim.alone
    assert seqs(claim) == [1]


def test_what_kills_its_worker_twice_while_alone_is_poison(queue):
    queue.enqueue(entries(1))
    queue.rescue("run")
    for number in range(3):
        assert seqs(Requests(queue, f"w{number}").claim()) == [1]
        queue.client.zadd(queue.keys.name("leases"), {f"w{number}": 1}, xx=True)
        queue.rescue("run")
    (letter,) = DeadLetters(queue).select()
    assert letter.reason == "poison"


def test_nothing_is_rescued_for_a_lease_after_a_restart(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    queue.rescue("before")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    assert queue.rescue("after") == 0
    assert queue.rescue("after") == 0
    assert queue.heartbeat("w")


@pytest.fixture
def set_clock(queue):
    """Let the clock have been set by so many seconds since a worker last looked at it."""

    def by(seconds):
        queue.client.hincrby(queue.keys.name("ledger"), "looked", -seconds * 1000)

    return by


@pytest.mark.parametrize("seconds", [20, 86400 * 30, -3600])
def test_leases_start_anew_when_time_passed_unseen(queue, worker, set_clock, seconds):
    queue.enqueue(entries(1))
    worker.claim()
    queue.rescue("run")
    queue.client.zadd(queue.keys.name("leases"), {"w": 1})
    set_clock(seconds)
    assert queue.rescue("run") == 0
    assert queue.rescue("run") == 0
    (lease,) = (score for _, score in queue.client.zrange(queue.keys.name("leases"), 0, -1, withscores=True))
    assert 25_000 < lease - read_books(queue).now_ms <= 30_000


@pytest.mark.parametrize("seconds", [86400 * 30, -86400 * 30])
@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("looks", [False, True])
def test_no_event_grows_older_by_unseen_time(queue, worker, set_clock, seconds, paused, looks):
    queue.rescue("run")
    queue.enqueue(entries(1))
    if paused:
        Valve(queue).pause("ann")
        queue.client.hincrby(queue.keys.name("valve"), "closed_since", -seconds * 1000)
    set_clock(seconds)
    queue.client.lset(queue.keys.name("ready"), 0, older(queue.client.lindex(queue.keys.name("ready"), 0), seconds))
    if looks:
        queue.rescue("run")
    if paused:
        Valve(queue).resume("ann")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms < 15_000
    queue.enqueue([entry(2)])
    queue.rescue("run")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms < 15_000


def older(raw, seconds):
    fields = raw.split(b" ", 8)
    return b" ".join([*fields[:7], b"%d" % (int(fields[7]) - seconds * 1000), fields[8]])


def test_nothing_is_pruned_for_a_day_after_the_clock_was_set(queue, worker):
    queue.enqueue(entries(2))
    worker.claim()
    worker.settle(1, "dead", "rejected")
    queue.clock_was_set(3_600_000)
    queue.clock_was_set(3_600_000)
    letters = DeadLetters(queue)
    assert letters.prune(older_than_s=0, keep=0, reason="age") == 0
    queue.client.hincrby(queue.keys.name("ledger"), "clock_set_at", -86_400_001)
    assert letters.prune(older_than_s=0, keep=0, reason="age") == 1
    said = [line for line in queue.client.lrange(queue.keys.name("audit"), 0, -1) if b"clock" in line]
    assert len(said) == 1


def test_a_pause_hands_nothing_out_and_ends_by_itself(queue, worker):
    valve = Valve(queue)
    queue.enqueue(entries(1))
    valve.pause("ann", "maintenance", for_s=3600)
    assert worker.claim().messages == ()
    sending = read_books(queue).sending
    assert (sending.state, sending.reason) == ("paused", "by ann: maintenance")
    queue.client.hset(queue.keys.name("valve"), "pause_until", 1)
    assert seqs(worker.claim()) == [1]
    assert read_books(queue).sending.state == "on"


def test_age_counts_open_time_only(queue, worker):
    queue.enqueue(entries(1))
    Valve(queue).pause("ann")
    seconds, _ = queue.client.time()
    queue.client.hset(queue.keys.name("valve"), "closed_since", (seconds - 1000) * 1000)
    Valve(queue).resume("ann")
    (claimed,) = worker.claim().messages
    assert claimed.age_ms == 0


def test_a_rate_bounds_all_workers_together(queue):
    queue.enqueue(entries(50))
    Valve(queue).set_rate("ann", 10)
    queue.client.hset(queue.keys.name("valve"), "bucket", 1)
    one, two = Requests(queue, "one"), Requests(queue, "two")
    claims = [one.claim(), two.claim()]
    assert sum(len(claim.messages) for claim in claims) <= 2
    assert 0 < claims[1].wait_ms <= 100


def test_a_breaker_lets_one_probe_through_and_not_the_event_that_tripped_it(queue, worker):
    queue.enqueue(entries(3))
    set_breaker(queue, "", "open")
    assert worker.claim().messages == ()
    set_breaker(queue, "", "half_open", tripped_by=1)
    assert seqs(worker.claim()) == [2]
    assert worker.claim().messages == ()
    set_breaker(queue, "", "closed")
    assert sorted(seqs(worker.claim())) == [1, 3]


def test_a_blocked_scope_waits_in_order_and_lets_others_pass(queue, worker):
    other = "22222222"
    queue.enqueue([entry(1, LANE), entry(2, scope=other), entry(3, LANE)])
    set_breaker(queue, "11111111", "open")
    assert seqs(worker.claim()) == [2]
    assert read_books(queue).held == 2
    set_breaker(queue, "11111111", "half_open")
    assert seqs(worker.claim()) == [1]
    assert worker.claim().messages == ()
    set_breaker(queue, "11111111", "closed")
    queue.enqueue([entry(4, LANE)])
    worker.settle(1)
    order = []
    while claim := seqs(worker.claim()):
        order += claim
        worker.settle(claim[0])
    assert order == [3, 4]


def test_replay_edit_and_drop(queue, worker):
    queue.enqueue(entries(3, lane=LANE))
    letters = DeadLetters(queue)
    for seq in (1, 2, 3):
        worker.claim()
        worker.settle(seq, "dead", "rejected", "1:1:rejected:400:3")
    assert [letter.message.seq for letter in letters.select(Selection(reason="rejected"))] == [1, 2, 3]
    assert letters.edit(1, 0, Entry("x", LANE, "11111111", b'{"fixed":1}'), "ann") == 1
    with pytest.raises(LookupError, match="edited"):
        letters.edit(1, 0, entry(1), "bob")
    assert letters.replay([1, 99], "ann") == Replayed(1)
    (claimed,) = worker.claim().messages
    assert (claimed.message.payload, claimed.message.attempts, len(claimed.message.history)) == (b'{"fixed":1}', 0, 1)
    assert letters.drop([2], "ann", "wrong dataset") == 1
    assert letters.prune("count", keep=0) == 1
    actions = [line.split(b"\t")[3] for line in queue.client.lrange(queue.keys.name("audit"), 0, -1)]
    assert actions == [b"prune", b"drop", b"replay", b"edit"]
    assert read_books(queue).balanced


def test_a_full_broker_refuses_only_what_is_new(queue, worker):
    queue.enqueue(entries(6))
    worker.claim(limit=2)
    worker.settle(1, "dead", "rejected")
    queue.client.config_set("maxmemory", 1)
    try:
        for refused in (lambda: queue.enqueue([entry(9)]), lambda: DeadLetters(queue).replay([1], "ann")):
            with pytest.raises(BrokerFull):
                refused()
        worker.settle(2, "scheduled", "0")
        assert len(worker.claim().messages) == 5
        assert queue.heartbeat("w")
        assert queue.rescue("run") == 0
        assert DeadLetters(queue).drop([1], "ann", "room") == 1
        assert read_books(queue).balanced
    finally:
        queue.client.config_set("maxmemory", 0)
    Valve(queue).set_full(60)
    with pytest.raises(BrokerFull):
        queue.enqueue([entry(9)])


def test_a_newer_schema_is_left_alone(queue):
    queue.enqueue(entries(1))
    queue.client.hset(queue.keys.name("ledger"), "schema", 2)
    with pytest.raises(SchemaTooNew):
        queue.enqueue([entry(2)])
    with pytest.raises(SchemaTooNew):
        queue.claim("w", "r", 1, 1000, 0)


def test_a_message_of_a_newer_version_is_put_back(queue, worker):
    queue.enqueue(entries(2))
    key = queue.keys.name("ready")
    newer = b"2" + queue.client.lindex(key, -1)[1:]
    queue.client.lset(key, -1, newer)
    assert seqs(worker.claim()) == [2]
    assert worker.claim().wait_ms == 1000
    assert newer in queue.client.lrange(key, 0, -1)


def test_rubbish_in_a_list_becomes_a_dead_letter(queue, worker):
    queue.client.rpush(queue.keys.name("ready"), b"\x00rubbish")
    queue.enqueue(entries(1))
    queue.client.hincrby(queue.keys.name("ledger"), "n:ready", 0)
    worker.claim()
    (letter,) = DeadLetters(queue).select()
    assert (letter.reason, letter.message.payload) == ("unreadable", b"\x00rubbish")
    assert read_books(queue).balanced


def stock(task_id, **headers):
    body = json.dumps([["signup"], {"userId": "7"}, {}])
    return json.dumps(
        {"body": body, "headers": {"task": "track_event", "id": task_id, **headers}, "properties": {}}
    ).encode()


def make_entry(title, wire, eid):
    return Entry(eid, LANE, "11111111", json.dumps({"ti": title, **wire}).encode())


def test_the_inbox_is_adopted_once_by_priority(queue, worker):
    inbox = queue.keys.inbox
    queue.client.lpush(inbox[3], stock("c" * 32))
    queue.client.lpush(
        inbox[0], stock("a" * 32), stock("b" * 32), b"rubbish", stock("d" * 32, eta="2099-01-01T00:00:00Z")
    )
    assert read_books(queue).inbox == 5
    assert adopt(queue, make_entry) == 5
    queue.client.lpush(inbox[0], stock("a" * 32))
    assert adopt(queue, make_entry) == 1
    books = read_books(queue)
    assert (books.accepted, books.adopted, books.ready, books.dead, books.scheduled, books.inbox) == (5, 5, 3, 1, 1, 0)
    assert books.deduplicated == 1
    assert [claimed.message.eid[0] for claimed in worker.claim().messages] == ["a"]


def test_of_two_adopters_one_finds_the_message_gone(queue):
    raw = stock("a" * 32)
    queue.client.lpush("leadrelay", raw)
    made = make_entry("signup", {}, "a" * 32)
    args = [1000, hashlib.sha1(raw).hexdigest(), "ready", "", *made.arguments()]
    assert queue.run("adopt", *args, extra_keys=["leadrelay"]) == 1
    assert queue.run("adopt", *args, extra_keys=["leadrelay"]) == 0


def test_purge_is_a_recorded_drop(queue):
    queue.enqueue(entries(5))
    assert queue.purge("celery purge") == 5
    assert read_books(queue).dropped == 5
    assert b"purge" in queue.client.lindex(queue.keys.name("audit"), 0)


def test_the_scripts_are_loaded_again_after_the_broker_forgot_them(queue):
    queue.enqueue(entries(1))
    queue.client.script_flush()
    settled, claim = queue.turn("w", "r1", [], 5, 10**6, 0)
    assert seqs(claim) == [1]
    assert settled.late == 0


PLANTED = {
    "DEL of a record": (lambda c, k: c.hdel(k("dead"), c.hkeys(k("dead"))[0]), "dead: "),
    "LPOP": (lambda c, k: c.lpop(k("ready")), "ready: "),
    "ZREM": (lambda c, k: c.zpopmin(k("scheduled")), "scheduled: "),
    "HDEL": (lambda c, k: c.hdel(k("flight"), c.hkeys(k("flight"))[0]), "in_flight: "),
    "a doubled message": (lambda c, k: c.lpush(k("ready"), c.lindex(k("ready"), 0)), "too many"),
    "FLUSHALL": (lambda c, _: c.flushall(), "the broker lost at most 8 accepted events"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_loss_is_noticed_and_said(client, tmp_path, planted):
    queue = Queue(client, witness=Witness(tmp_path, "t"))
    queue.enqueue(entries(8))
    worker = Requests(queue)
    worker.claim(limit=3)
    worker.settle(1, "dead", "rejected")
    worker.settle(2, "scheduled", "60000")
    assert recount(queue).findings + rewinds(queue, read_books(queue)) == []
    act, said = PLANTED[planted]
    act(client, queue.keys.name)
    result = recount(queue)
    assert any(said in finding for finding in [*result.findings, *rewinds(queue, result.books)])


def test_waiting_lists_every_state(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3)])
    worker.claim(limit=3)
    worker.settle(3, "dead", "rejected")
    assert {state: len(eids) for state, eids in waiting(queue).items()} == {"in_flight": 1, "held": 1, "dead": 1}


def test_a_push_wakes_one_and_a_claim_passes_the_token_on(queue, worker):
    wake = queue.keys.name("wake")
    queue.enqueue(entries(1))
    queue.enqueue([entry(2)])
    assert queue.client.llen(wake) == 1
    queue.client.delete(wake)
    assert worker.claim(limit=1).more
    assert queue.client.llen(wake) == 1
    queue.client.delete(wake)
    assert not worker.claim(limit=5).more
    assert queue.client.llen(wake) == 0


def test_a_claim_says_how_long_to_wait_for_what_is_due(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    worker.settle(1, "scheduled", "300")
    claim = worker.claim()
    assert 0 < claim.wait_ms <= 300
    until(lambda: worker.claim().messages, "it is due", 5)


def test_leaving_signs_off_only_with_empty_hands(queue, worker):
    queue.enqueue(entries(1))
    worker.claim()
    assert not queue.leave("w")
    worker.settle(1)
    assert queue.leave("w")
    assert read_books(queue).workers == 0


def test_messages_in_the_queue_parse(queue):
    queue.enqueue(entries(1, lane=LANE))
    message = Message.parse(queue.client.lindex(queue.keys.name("ready"), 0))
    assert (message.seq, message.lane) == (1, LANE)


class Forgetful(Broker):
    """A server that loses its last writes: its append-only file is cut while it is down."""

    def __init__(self, folder):
        super().__init__(folder, fsync="always")
        (self.file,) = (self.folder / "appendonlydir").glob("*.incr.aof")

    def remember(self):
        self.kept = self.file.stat().st_size

    def forget(self):
        self.kill()
        os.truncate(self.file, self.kept)
        self.start()


@pytest.fixture
def forgetful(tmp_path):
    server = Forgetful(tmp_path)
    yield server
    server.kill()


def test_a_cut_file_is_noticed(forgetful, tmp_path):
    queue = Queue(forgetful.client, witness=Witness(tmp_path, "t"))
    queue.enqueue(entries(10))
    forgetful.remember()
    for number in range(11, 31):
        queue.enqueue([entry(number)])
    forgetful.forget()
    books = recount(queue).books
    assert books.accepted == 10
    assert "the broker lost at most 20 accepted events" in rewinds(queue, books)[0]


def test_a_loss_that_the_next_event_shows_is_not_said_too_small(forgetful, tmp_path):
    queue = Queue(forgetful.client, witness=Witness(tmp_path, "t"))
    queue.enqueue([entry(1)])
    forgetful.remember()
    queue.enqueue([entry(2), entry(3)])
    forgetful.forget()
    queue.enqueue([entry(4)])
    assert "the broker lost at most 2 accepted events" in rewinds(queue, read_books(queue))[0]


def test_a_number_that_a_forgetful_broker_gave_again_is_settled_by_its_own_claim_only(forgetful):
    queue = Queue(forgetful.client)
    worker = Requests(queue)
    queue.enqueue([])
    forgetful.remember()
    queue.enqueue([entry(1)])
    worker.claim()
    forgotten = dict(worker.tokens)
    forgetful.forget()
    queue.enqueue([entry(2)])
    (claimed,) = worker.claim().messages
    assert claimed.message.seq == 1
    settled = queue.settle("w", "of the forgotten event", [Settlement(forgotten[1], "delivered")])
    assert (settled.moved, settled.late) == (0, 1)
    assert read_books(queue).in_flight == 1


def test_what_a_forgetful_broker_believes_in_flight_comes_back_with_the_next_heartbeat(forgetful):
    queue = Queue(forgetful.client)
    worker = Requests(queue)
    queue.enqueue(entries(4, lane=LANE))
    assert seqs(worker.claim()) == [1]
    forgetful.remember()
    worker.settle(1)
    assert seqs(worker.claim()) == [2]
    forgetful.forget()
    assert read_books(queue).in_flight == 1
    assert queue.heartbeat("w", holds=None)
    assert read_books(queue).in_flight == 1
    assert queue.heartbeat("w", worker.tokens.values())
    books = read_books(queue)
    assert (books.in_flight, books.rescued, books.balanced) == (0, 1, True)
    assert seqs(Requests(queue, "other").claim()) == [1]


def test_a_heartbeat_takes_nothing_that_is_held(queue, worker):
    queue.enqueue(entries(3))
    worker.claim()
    assert queue.heartbeat("w", worker.tokens.values())
    assert read_books(queue).in_flight == 3
