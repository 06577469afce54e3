"""What producers do."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from leadrelay.queue import Batch, Entry

from tests.property.model.state import LANES, SCOPES, Model


class Producers(Model):
    """Rules of producers."""

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
