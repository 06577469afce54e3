"""What operators and the controller do."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from leadrelay.queue import Entry, Selection, control
from leadrelay.queue.books import read_books
from leadrelay.queue.message import Message
from leadrelay.queue.replay import Plan, run
from leadrelay.queue.valve import Breaker

from tests.property.model.state import BREAKERS, LANES, SCOPES, STATES, WORKERS, Model
from tests.valve import set_breaker


class Operators(Model):
    """Rules of operators."""

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
            if replayed:
                self.order.replayed([seq])
            if replayed and stale:
                self.flagged.add(seq)
                self.disturbed.add(lane)

    @precondition(lambda self: self.dead_seqs())
    @rule(reason=st.sampled_from([None, "rejected", "poison"]), stop_after=st.sampled_from([0, 1, 10]))
    def replay_run(self, reason, stop_after):
        """A recorded run goes over what was dead when it began, once, however often it is stopped."""
        fresh = {
            letter.message.seq
            for letter in self.dead.select(Selection(reason=reason))
            if not letter.stale and letter.message.lane == ""
        }
        before, dead = read_books(self.queue).replayed, set(self.dead_seqs())
        looks = iter(range(100))
        plan = Plan(Selection(reason=reason), f"of-{reason}", "test", rate=4)
        *_, last = run(self.dead, plan, "me", lambda _: next(looks) >= stop_after)
        assert read_books(self.queue).replayed - before == last.here.replayed
        self.order.replayed(dead - set(self.dead_seqs()))
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
