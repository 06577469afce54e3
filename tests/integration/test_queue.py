"""The queue's moves on a real server, one by one."""

import hashlib
import json

import pytest
from leadrelay.errors import BrokerFull, EnqueueTooLate, SchemaTooNew
from leadrelay.inbox import adopt
from leadrelay.queue import Batch, DeadLetters, Entry, Replayed, Selection, Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.message import Message
from leadrelay.queue.verify import waiting

from tests.integration.moves import LANE, entries, entry, seqs


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


def test_waiting_lists_every_state(queue, worker):
    queue.enqueue([entry(1, LANE), entry(2, LANE), entry(3)])
    worker.claim(limit=3)
    worker.settle(3, "dead", "rejected")
    assert {state: len(eids) for state, eids in waiting(queue).items()} == {"in_flight": 1, "held": 1, "dead": 1}


def test_messages_in_the_queue_parse(queue):
    queue.enqueue(entries(1, lane=LANE))
    message = Message.parse(queue.client.lindex(queue.keys.name("ready"), 0))
    assert (message.seq, message.lane) == (1, LANE)
