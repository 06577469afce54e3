"""The horizon against a model of a database: transactions begin, write, end, and the relay looks in between."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from leadrelay.contrib.outbox.horizon import PATIENCE_S, Horizon


def test_nobody_writes():
    assert Horizon().look(7, frozenset(), 0) == 7


def test_a_writer_is_waited_for_and_newcomers_are_not():
    horizon = Horizon()
    assert horizon.look(7, frozenset({"a"}), 0) == 0
    assert horizon.look(9, frozenset({"a", "b"}), 1) == 0
    assert horizon.look(9, frozenset({"b"}), 2) == 7
    assert horizon.look(9, frozenset(), 3) == 9


def test_a_writer_is_given_up_once_and_not_waited_for_again():
    horizon = Horizon()
    horizon.look(7, frozenset({"a"}), 0)
    assert horizon.look(8, frozenset({"a"}), PATIENCE_S) == 8
    assert horizon.look(9, frozenset({"a"}), PATIENCE_S + 1) == 9
    assert horizon.look(10, frozenset({"a", "b"}), PATIENCE_S + 2) == 9
    assert horizon.look(10, frozenset({"a"}), PATIENCE_S + 3) == 10


class Database(RuleBasedStateMachine):
    """Ids are given at the write; rows are seen from the commit on; a transaction is marked before its first write."""

    def __init__(self):
        super().__init__()
        self.horizon, self.safe, self.next_id, self.next_transaction = Horizon(), 0, 1, 1
        self.under_way: dict[str, list[int]] = {}
        self.committed: set[int] = set()
        self.taken: list[int] = []
        self.looked: int | None = None

    @rule()
    def begins(self):
        self.under_way[f"t{self.next_transaction}"] = []
        self.next_transaction += 1

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def writes(self, data):
        self.under_way[data.draw(st.sampled_from(sorted(self.under_way)))].append(self.next_id)
        self.next_id += 1

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), commits=st.booleans())
    def ends(self, data, commits):
        rows = self.under_way.pop(data.draw(st.sampled_from(sorted(self.under_way))))
        self.committed |= set(rows if commits else ())

    @rule()
    def reads_the_newest(self):
        self.looked = max(self.committed, default=0)

    @precondition(lambda self: self.looked is not None)
    @rule()
    def reads_the_writers(self):
        self.safe = self.horizon.look(self.looked, frozenset(self.under_way), 0)
        self.looked = None

    @rule(most=st.integers(1, 3))
    def takes(self, most):
        rows = sorted(row for row in self.committed if row <= self.safe)[:most]
        self.taken += rows
        self.committed -= set(rows)

    @invariant()
    def in_order(self):
        assert self.taken == sorted(self.taken)

    def teardown(self):
        """Once every transaction has ended, two looks let everything through."""
        self.under_way.clear()
        for _ in range(2):
            self.looked = max(self.committed, default=0)
            self.reads_the_writers()
        assert all(row <= self.safe for row in self.committed)


TestDatabase = Database.TestCase
TestDatabase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
