"""The queue against a model: any order of moves, on a real server, with crashes, lost replies and restarts.

The model knows only what it was told (accepted, settled so); the invariants read every structure of the server.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from leadrelay.errors import BrokerFull
from leadrelay.queue import Batch, DeadLetters, Entry, Queue, Selection, Settlement, Valve, control, core
from leadrelay.queue.books import read_books
from leadrelay.queue.hours import read_hours
from leadrelay.queue.message import Message
from leadrelay.queue.replay import Plan, run
from leadrelay.queue.valve import Breaker
from leadrelay.queue.verify import recount, waiting
from leadrelay.tally import total
from redis import exceptions

from tests.chaos.processes import Broker
from tests.valve import set_breaker

SCOPES = ["11111111", "22222222"]
#: Lanes of each dataset: a lane's key holds the dataset, so no lane is in two scopes.
LANES = {
    SCOPES[0]: ["", "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb"],
    SCOPES[1]: ["", "cccccccccccccccc"],
}
WORKERS = ["w1", "w2", "w3"]
BREAKERS = ["", *SCOPES, "@w1", "@w2"]
STATES = ["open", "half_open", "limited", "closed", "closed", "closed"]
#: Instead of 20, so that short runs come to it.
REJECTED_RUN = 3


@dataclass
class Worker:
    """A worker as the model sees it: what it was handed, and its last call."""

    held: dict[str, int] = field(default_factory=dict)
    last_claim: tuple | None = None
    last_settle: tuple | None = None


class QueueMachine(RuleBasedStateMachine):
    """Rules are the queue's moves; the model keeps one state per event."""

    broker: Broker

    def __init__(self):
        super().__init__()
        self.broker.client.config_set("maxmemory", 0)
        self.broker.client.flushall()
        self.queue = Queue(self.broker.client)
        self.dead = DeadLetters(self.queue)
        self.valve = Valve(self.queue)
        self.next = 0
        self.requests = 0
        self.eids: dict[str, int] = {}
        self.lane: dict[int, str] = {}
        self.scope: dict[int, str] = {}
        self.breakers: dict[str, str] = {}
        self.paused = False
        self.runs: dict[str, int] = {}
        self.watches: list[control.Watch] = []
        self.bulk: set[int] = set()
        self.disturbed: set[str] = set()
        self.delivered: list[int] = []
        self.dropped: set[int] = set()
        self.flagged: set[int] = set()
        self.workers = {name: Worker() for name in WORKERS}
        self.zombies: list[tuple[str, str]] = []
        self.late = 0

    @initialize()
    def open(self):
        self.queue.due()

    # Producers ----------------------------------------------------------------------------------------------

    def entry(self, lane, scope):
        self.next += 1
        payload = b'{"si":"d","n":"%d"}' % self.next
        return Entry(f"{self.next:032x}", lane, scope, payload, scope, f"title {self.next % 3}")

    @rule(data=st.data(), scope=st.sampled_from(SCOPES), bulk=st.booleans())
    def enqueue(self, data, scope, bulk):
        self.track(data.draw(st.lists(st.sampled_from(LANES[scope]), min_size=2, max_size=10)), scope, bulk=bulk)

    def track(self, lanes, scope, *, bulk):
        entries = [self.entry(lane, scope) for lane in lanes]
        self.note(entries, self.queue.enqueue(entries, bulk=bulk), bulk=bulk)

    def note(self, entries, receipts, *, bulk):
        for entry, receipt in zip(entries, receipts, strict=True):
            assert not receipt.duplicate
            self.eids[entry.eid] = receipt.seq
            self.lane[receipt.seq] = entry.lane
            self.scope[receipt.seq] = entry.scope
            if bulk:
                self.bulk.add(receipt.seq)

    @rule(lane=st.sampled_from(LANES[SCOPES[0]]))
    def enqueue_a_batch_twice(self, lane):
        """The second call adds nothing, though its eids have left the window of remembered ones."""
        entries = [self.entry(lane, SCOPES[0]) for _ in range(2)]
        batch = Batch("journal", entries[0].eid)
        self.note(entries, self.queue.enqueue(entries, bulk=True, batch=batch), bulk=True)
        recent = self.queue.keys.name("recent")
        remembered = self.broker.client.hgetall(recent)
        self.broker.client.delete(recent)
        assert all(receipt.duplicate for receipt in self.queue.enqueue(entries, bulk=True, batch=batch))
        self.broker.client.hset(recent, mapping=remembered)

    @precondition(lambda self: self.eids)
    @rule(data=st.data())
    def enqueue_again(self, data):
        eid = data.draw(st.sampled_from(sorted(self.eids)))
        (receipt,) = self.queue.enqueue([Entry(eid, "", SCOPES[0], b"{}")])
        assert receipt.duplicate
        assert receipt.seq == self.eids[eid]

    # Workers ------------------------------------------------------------------------------------------------

    def request(self):
        self.requests += 1
        return f"r{self.requests}"

    @rule(name=st.sampled_from(WORKERS), limit=st.integers(0, 6), lost=st.booleans())
    def claim(self, name, limit, lost):
        worker = self.workers[name]
        args = (name, self.request(), limit, 10**6, len(worker.held))
        claim = self.queue.claim(*args)
        if lost:
            again = self.queue.claim(*args)
            assert [m.token for m in again.messages] == [m.token for m in claim.messages]
        self.allowed(name, claim)
        for claimed in claim.messages:
            assert claimed.token not in worker.held
            worker.held[claimed.token] = claimed.message.seq
            if claimed.message.suspect:
                assert claim.alone
                assert len(worker.held) == 1

    def allowed(self, name, claim):
        """The valve holds: nothing while it is shut, one probe while half-open, nothing of an open dataset."""
        states = [self.breakers.get(key, "closed") for key in ("", f"@{name}")]
        if self.paused or "open" in states:
            assert claim.messages == ()
        if "half_open" in states:
            assert len(claim.messages) <= 1
        if self.paused or set(states) & {"open", "half_open"}:
            assert "*" in claim.blocked
        for scope in SCOPES:
            of_scope = [one for one in claim.messages if one.message.scope == scope]
            assert len(of_scope) <= {"open": 0, "half_open": 1}.get(self.breakers.get(scope), 99)
            assert (scope in claim.blocked) == (self.breakers.get(scope) in ("open", "half_open"))

    @precondition(lambda self: any(worker.held for worker in self.workers.values()))
    @rule(data=st.data(), lost=st.booleans())
    def settle(self, data, lost):
        name = data.draw(st.sampled_from([name for name, worker in self.workers.items() if worker.held]))
        worker = self.workers[name]
        tokens = data.draw(st.lists(st.sampled_from(sorted(worker.held)), min_size=1, unique=True))
        settlements = [Settlement(token, *data.draw(st.sampled_from(self.kinds()))) for token in tokens]
        request = self.request()
        settled = self.queue.settle(name, request, settlements)
        assert (settled.moved, settled.late) == (len(tokens), 0)
        if lost:
            assert self.queue.settle(name, request, settlements) == settled
        for settlement in settlements:
            seq = worker.held.pop(settlement.token)
            if settlement.kind == "delivered":
                self.delivered.append(seq)
            elif settlement.kind == "dropped":
                self.dropped.add(seq)
            self.rejected_or_not(name, seq, settlement)

    @rule()
    def everything_is_rejected(self):
        for name, worker in self.workers.items():
            rejected = [Settlement(token, "dead", "rejected", "1:1:rejected:400:3") for token in sorted(worker.held)]
            for settlement in rejected:
                self.queue.settle(name, self.request(), [settlement])
                seq = worker.held.pop(settlement.token)
                self.rejected_or_not(name, seq, settlement)

    def rejected_or_not(self, name, seq, settlement):
        """So many rejected in a row are buried, by dataset, by worker and by all; others wait."""
        keys = {self.scope[seq]: 1, f"@{name}": 1, "": 3}
        if settlement.kind == "delivered":
            self.runs = {key: run for key, run in self.runs.items() if key not in keys}
        if settlement.kind != "dead":
            return
        lifted = min(self.runs.get(self.scope[seq], 0), self.runs.get("", 0)) < 0
        bury = lifted or all(self.runs.get(key, 0) < REJECTED_RUN * times for key, times in keys.items())
        if bury and not lifted:
            self.runs |= {key: self.runs.get(key, 0) + 1 for key in keys}
        assert (seq in self.dead_seqs()) == bury

    @rule(name=st.sampled_from(WORKERS), data=st.data())
    def work(self, name, data):
        """Nothing stops a worker from settling what it gets, nor an operator from acting: chance rarely goes so far."""
        for key in BREAKERS:
            self.breaker(key, "closed")
        self.pause(paused=False)
        self.claim(name, 6, lost=False)
        if self.workers[name].held:
            self.settle(data, lost=False)
        if self.dead_seqs():
            what = data.draw(st.sampled_from(["replay", "drop", "edit", "prune"]))
            if what == "replay":
                self.replay_some(data, allow_stale=False)
            else:
                self.operate_on_the_dead(data, what)

    @staticmethod
    def kinds():
        return [
            ("delivered", "", "1:1:accepted:200:3"),
            ("scheduled", "0", "1:1:transient:503:3"),
            ("scheduled", "3600000", "1:1:transient:503:3"),
            ("dead", "rejected", "1:1:rejected:400:3"),
            ("ready",),
            ("suspect",),
            ("dropped", "revoked"),
        ]

    @rule(name=st.sampled_from(WORKERS))
    def crash_and_rescue(self, name):
        worker = self.workers[name]
        self.zombies += [(name, token) for token in worker.held]
        worker.held = {}
        self.queue.rescue()
        self.broker.client.zadd(self.queue.keys.name("leases"), {name: 1}, xx=True)
        self.queue.rescue()

    @precondition(lambda self: any(worker.held for worker in self.workers.values()))
    @rule(data=st.data())
    def heartbeat(self, data):
        """What a live worker does not know of (the broker forgot its settlement) goes back, in order."""
        name = data.draw(st.sampled_from([name for name, worker in self.workers.items() if worker.held]))
        worker = self.workers[name]
        kept = set(data.draw(st.lists(st.sampled_from(sorted(worker.held)), unique=True)))
        assert self.queue.heartbeat(name, None)
        assert self.queue.heartbeat(name, kept)
        self.zombies += [(name, token) for token in worker.held if token not in kept]
        worker.held = {token: seq for token, seq in worker.held.items() if token in kept}

    @precondition(lambda self: self.zombies)
    @rule(data=st.data())
    def zombie_settles(self, data):
        name, token = data.draw(st.sampled_from(self.zombies))
        before = self.everything()
        settled = self.queue.settle(name, self.request(), [Settlement(token, "delivered")])
        assert (settled.moved, settled.late) == (0, 1)
        assert self.everything() == before
        self.late += 1

    @rule()
    def time_passes(self):
        """Make everything scheduled due."""
        key = self.queue.keys.name("scheduled")
        for member in self.broker.client.zrange(key, 0, -1):
            self.broker.client.zadd(key, {member: 1}, xx=True)
        self.queue.due()

    # Operators ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.dead_seqs())
    @rule(data=st.data(), allow_stale=st.booleans())
    def replay_some(self, data, allow_stale):
        """A letter is stale when a later event of its lane went out before it; a fresh one is next in its lane."""
        seqs = data.draw(st.lists(st.sampled_from(self.dead_seqs()), min_size=1, unique=True))
        for seq in sorted(seqs):  # one at a time: each may take the lane of the next
            lane, head = self.lane[seq], self.head_of(self.lane[seq])
            stale = next(letter for letter in self.dead.select() if letter.message.seq == seq).stale
            assert stale or not self.surely_stale(seq, head)
            assert not stale or self.surely_stale(seq, head) or self.maybe_stale(seq)
            done = self.dead.replay([seq], "me", allow_stale=allow_stale)
            replayed = allow_stale or not stale
            assert (done.replayed, done.stale, done.again) == (int(replayed), int(not replayed), 0)
            if replayed and lane:
                assert self.head_of(lane) == (head or seq), "it took the lane, or waits behind its head"
                assert bool(head) == (seq in {Message.parse(raw).seq for raw in self.raws("held")})
            if replayed and stale:
                self.flagged.add(seq)
                self.disturbed.add(lane)

    def head_of(self, lane):
        return int(self.broker.client.hget(self.queue.keys.name("lanes"), lane) or 0)

    def later_delivered(self, seq):
        return [other for other in self.delivered if other > seq and self.lane[other] == self.lane[seq]]

    def surely_stale(self, seq, head):
        """Imports aside, whose order beside tracked events is not kept: one may have gone out before the other died."""
        lane = self.lane[seq]
        later = lane and seq not in self.bulk and set(self.later_delivered(seq)) - self.bulk - self.flagged
        return bool(head > seq or seq in self.flagged or (lane not in self.disturbed and later))

    def maybe_stale(self, seq):
        return bool(self.lane[seq] in self.disturbed or self.later_delivered(seq))

    @precondition(lambda self: self.dead_seqs())
    @rule(reason=st.sampled_from([None, "rejected", "poison"]), stop_after=st.sampled_from([0, 1, 10]))
    def replay_run(self, reason, stop_after):
        """A recorded run goes over what was dead when it began, once, however often it is stopped."""
        fresh = {
            letter.message.seq
            for letter in self.dead.select(Selection(reason=reason))
            if not letter.stale and letter.message.lane == ""
        }
        before = read_books(self.queue).replayed
        looks = iter(range(100))
        plan = Plan(Selection(reason=reason), f"of-{reason}", "test", rate=4)
        *_, last = run(self.dead, plan, "me", lambda _: next(looks) >= stop_after)
        assert read_books(self.queue).replayed - before == last.here.replayed
        assert last.done == (last.record.state == "done")
        if last.done:
            left = {letter.message.seq for letter in self.dead.select(Selection(reason=reason))}
            died_since = {
                letter.message.seq for letter in self.dead.select(Selection(since_ms=last.record.begun_ms + 1))
            }
            assert not (left & fresh) - died_since

    @precondition(lambda self: self.dead_seqs())
    @rule(data=st.data(), what=st.sampled_from(["drop", "edit", "move", "move", "prune", "expire"]))
    def operate_on_the_dead(self, data, what):
        seq = data.draw(st.sampled_from(self.dead_seqs()))
        left = self.dead_seqs()
        if what == "drop":
            assert self.dead.drop([seq], "me", "because", latest_ms=1) == 0
            assert self.dead.drop([seq], "me", "because", latest_ms=self.queue.now_ms()) == 1
            self.dropped.add(seq)
        elif what in ("edit", "move"):
            self.edit(data, seq, move=what == "move")
        elif what == "prune":
            assert self.dead.prune("count", keep=len(left) - 1) == 1
            self.dropped |= set(left) - set(self.dead_seqs())
        else:
            assert self.dead.prune("age", older_than_s=0, limit=2) == min(2, len(left))
            self.dropped |= set(left) - set(self.dead_seqs())

    def edit(self, data, seq, move):
        letter = self.dead.show(str(seq))
        message = letter.message
        lane = data.draw(st.sampled_from(LANES[message.scope])) if move else message.lane
        entry = Entry(message.eid, lane, message.scope, b'{"si":"d","edited":"1"}')
        assert self.dead.edit(seq, message.revision, entry, "me") == message.revision + 1
        with pytest.raises(LookupError):
            self.dead.edit(seq, message.revision, entry, "me")
        if lane != message.lane:
            self.lane[seq] = lane
            (self.flagged.add if lane else self.flagged.discard)(seq)

    @rule(limit=st.integers(1, 3))
    def purge(self, limit):
        before = {Message.parse(raw).seq for raw in self.raws("ready")}
        dropped = self.queue.purge("me", limit)
        gone = before - {Message.parse(raw).seq for raw in self.raws("ready")}
        alive = {Message.parse(raw).seq for state in ("scheduled", "held", "in_flight") for raw in self.raws(state)}
        gone -= alive
        self.dropped |= gone
        heirs = dropped - len(gone)
        assert heirs >= 0
        if heirs:  # heirs of a lane came to ready and were dropped in the same call
            known = {
                Message.parse(raw).seq
                for state in ("ready", "scheduled", "held", "in_flight")
                for raw in self.raws(state)
            }
            known |= set(self.delivered) | self.dropped | set(self.dead_seqs())
            self.dropped |= set(self.eids.values()) - known

    @rule(key=st.sampled_from(BREAKERS), state=st.sampled_from(STATES))
    def breaker(self, key, state):
        state = "closed" if state == "limited" and key.startswith("@") else state
        set_breaker(self.queue, key, state, rate=1000 if state == "limited" else None)
        self.breakers[key] = state
        self.all_claim()

    def all_claim(self):
        for name in WORKERS:
            self.claim(name, 3, lost=False)

    @rule(key=st.sampled_from(["", *SCOPES]))
    def force(self, key):
        only = self.broker.client.hget(self.queue.keys.name("ledger"), "only_scope")
        if self.breakers.get("") in ("open", "half_open") and only == key.encode():
            key = ""
        self.valve.force("me", key)
        forced = [one for one in ([key] if key else BREAKERS) if self.breakers.get(one) in ("open", "half_open")]
        self.breakers |= dict.fromkeys(forced, "closed")
        self.runs |= {one: -1 for one in self.runs if one == key or not key}

    @rule()
    def everything_closes(self):
        """So that most claims give something."""
        for scope in SCOPES:
            self.track(LANES[scope] * 3, scope, bulk=False)
        for key in BREAKERS:
            self.breaker(key, "closed")
        self.pause(paused=False)

    @rule(
        data=st.data(), name=st.sampled_from(WORKERS), lapsed=st.booleans(), state=st.sampled_from(["open", "closed"])
    )
    def decide(self, data, name, lapsed, state):
        """Only the last term counts."""
        elected = control.elect(self.queue, name, lease_s=0 if lapsed else 60)
        self.watches += [elected] if elected else []
        watch = data.draw(st.sampled_from(self.watches))
        holder = self.broker.client.hget(self.queue.keys.name("flow"), "controller")
        one = Breaker("", state, "decided")
        done = control.decide(self.queue, watch, "memory", [("breaker", *one.arguments(record=False))])
        assert done == holder.startswith(f"{watch.worker} {watch.term} ".encode())
        if done:
            self.breakers[""] = state
            self.all_claim()

    @rule(paused=st.sampled_from([True, False, False]))
    def pause(self, paused):
        if paused:
            self.valve.pause("me")
            self.paused = True
            assert self.queue.claim("idle", self.request(), 5, 10**6, 0).messages == ()
        else:
            self.valve.resume("me")
            self.paused = False
            self.breakers = {key: "half_open" if state == "open" else state for key, state in self.breakers.items()}

    # Misfortunes --------------------------------------------------------------------------------------------

    @rule()
    def full_memory(self):
        """A full broker refuses new events and replays, and lets everything else go on."""
        self.broker.client.config_set("maxmemory", 1)
        try:
            before = self.everything()
            with pytest.raises(BrokerFull):
                self.queue.enqueue([self.entry("", SCOPES[0])])
            assert self.everything() == before
            self.claim("w1", 2, lost=True)
        finally:
            self.broker.client.config_set("maxmemory", 0)

    @rule()
    def restart_broker(self):
        """After it every lease starts anew, so nothing is rescued."""
        self.broker.kill()
        self.broker.start()
        assert self.queue.rescue() == 0

    @rule(
        key=st.sampled_from(
            ["ready", "flight", "lanes", "held", "scheduled", "replies", "leases", "dead", "wake", "hours", "watched"]
        ),
        script=st.sampled_from(["claim", "settle", "enqueue", "rescue", "due"]),
    )
    def script_error(self, key, script):
        """A key of the wrong type: the script fails before it has moved anything, or does not need the key."""
        name, aside = self.queue.keys.name(key), self.queue.keys.name("aside")
        client = self.broker.client
        existed = client.exists(name)
        before = self.everything()
        if existed:
            client.rename(name, aside)
        client.set(name, "wrong")
        failed = False
        try:
            self.call_for_error(script)
        except exceptions.ResponseError:
            failed = True
        finally:
            kind = client.type(name)
            if kind == b"string":
                client.delete(name)
            if existed:
                client.rename(aside, name)
        if failed:
            assert self.everything() == before

    def call_for_error(self, script):
        if script == "claim":
            self.valve_closed_claim()
        elif script == "settle":
            self.queue.settle("nobody", self.request(), [])
        elif script == "enqueue":
            self.queue.enqueue([])
        elif script == "rescue":
            self.queue.rescue()
        else:
            self.queue.due()

    def valve_closed_claim(self):
        self.queue.claim("nobody", self.request(), 0, 1, 0)

    # What must always hold ----------------------------------------------------------------------------------

    def raws(self, state):
        client, name = self.broker.client, self.queue.keys.name
        if state == "ready":
            return [
                raw for key in ("ready", "returning", "bulk", "suspects") for raw in client.lrange(name(key), 0, -1)
            ]
        if state == "scheduled":
            return client.zrange(name("scheduled"), 0, -1)
        if state == "held":
            return [member.split(b"|", 2)[2] for member in client.zrange(name("held"), 0, -1)]
        return client.hvals(name("flight"))

    def everything(self):
        return {state: sorted(eids) for state, eids in waiting(self.queue).items()}

    def dead_seqs(self):
        return [letter.message.seq for letter in self.dead.select()]

    @invariant()
    def in_exactly_one_place(self):
        places = [
            Message.parse(raw).seq for state in ("ready", "scheduled", "held", "in_flight") for raw in self.raws(state)
        ]
        places += self.dead_seqs() + self.delivered + list(self.dropped)
        assert sorted(places) == sorted(self.eids.values())

    @invariant()
    def books_balance(self):
        assert recount(self.queue).findings == []
        books = read_books(self.queue)
        assert books.accepted == len(self.eids)
        assert books.delivered == len(self.delivered)
        assert books.dropped == len(self.dropped)
        assert books.late == self.late

    @invariant()
    def hours_agree_with_the_ledger(self):
        rows = read_hours(self.queue, 0, 10**9).rows
        tally, books = total(row.tally for row in rows), read_books(self.queue)
        assert tally.accepted == books.accepted
        assert tally.delivered == books.delivered
        assert tally.dead_total == books.dead
        assert tally.dropped == books.dropped
        assert tally.retried == books.retried
        assert tally.waiting == books.backlog + books.in_flight
        for row in rows:
            seqs = [seq for eid, seq in self.eids.items() if f"title {int(eid, 16) % 3}" == row.title]
            seqs = [seq for seq in seqs if self.scope[seq] == row.dataset]
            assert row.tally.accepted <= len(seqs)
            assert row.tally.delivered <= len(set(seqs) & set(self.delivered))
            assert min(row.tally.waiting, row.tally.dead_total, row.tally.dropped) >= 0

    @invariant()
    def lanes_are_serial(self):
        """A lane has at most one event in flight or scheduled, its head; what is held has a head that will move on."""
        heads = {
            lane.decode(): int(seq) for lane, seq in self.broker.client.hgetall(self.queue.keys.name("lanes")).items()
        }
        live = {}
        for state in ("in_flight", "scheduled"):
            for raw in self.raws(state):
                message = Message.parse(raw)
                if message.lane:
                    assert live.setdefault(message.lane, message.seq) == message.seq
                    assert heads[message.lane] == message.seq
        present = {
            Message.parse(raw).seq for state in ("ready", "scheduled", "held", "in_flight") for raw in self.raws(state)
        }
        assert set(heads.values()) <= present, "a lane waits for an event that is gone"
        for member in self.broker.client.zrange(self.queue.keys.name("held"), 0, -1):
            run = member.partition(b"|")[0].decode()
            assert run.startswith("!") or run in heads, "held behind nothing"

    @invariant()
    def lanes_of_the_dead_are_watched(self):
        watched = self.broker.client.hgetall(self.queue.keys.name("watched"))
        counted = {lane.decode(): int(value.split()[0]) for lane, value in watched.items()}
        assert counted == Counter(letter.message.lane for letter in self.dead.select() if letter.message.lane)

    @invariant()
    def order_per_lane(self):
        """Live events of a lane are delivered in order of enqueueing, unless a stale one was allowed among them."""
        for lane in {lane for lanes in LANES.values() for lane in lanes} - {""} - self.disturbed:
            seqs = [seq for seq in self.delivered if self.lane[seq] == lane and seq not in self.bulk]
            assert seqs == sorted(seqs)

    @invariant()
    def somebody_is_woken(self):
        books = read_books(self.queue)
        flows = books.sending.state == "on" and books.sending.rate is None
        if books.lengths["ready"] and flows and not any(worker.held for worker in self.workers.values()):
            claim = self.queue.claim("probe", self.request(), 0, 1, 0)
            assert claim.messages == ()
            assert read_books(self.queue).lengths["wake"] == 1


def search(machine, examples, steps):
    """Run a machine on a server of its own; the long profile looks much longer, and elsewhere each time."""
    long = os.environ.get("HYPOTHESIS_PROFILE") == "long"
    with TemporaryDirectory(prefix="model-") as folder:
        machine.broker = Broker(Path(folder), fsync="always")
        usual, core.REJECTED_RUN = core.REJECTED_RUN, REJECTED_RUN
        try:
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=1000 if long else examples,
                    stateful_step_count=60 if long else steps,
                    deadline=None,
                    derandomize=not long,
                    suppress_health_check=list(HealthCheck),
                    phases=tuple(Phase) if long else (Phase.explicit, Phase.generate),
                ),
            )
        finally:
            core.REJECTED_RUN = usual
            machine.broker.kill()


def test_queue_follows_the_model():
    search(QueueMachine, examples=40, steps=40)
