"""What is written down of dead letters, and the policies that drop them."""

from unittest.mock import Mock

import pytest
from leadrelay.queue import DeadLetters, Selection, Valve
from leadrelay.queue.audit import read_audit
from leadrelay.queue.books import read_books
from leadrelay.queue.replay import Plan, run
from leadrelay.queue.verify import recount
from leadrelay.settings import Settings
from leadrelay_worker.upkeep import Upkeep

from tests.letters import a_moment, die, event, go_out, on, seqs


@pytest.fixture
def letters(queue):
    return DeadLetters(queue)


def test_the_audit_says_who_did_what_and_sums_up_steps(queue, letters):
    die(queue, [event(number) for number in range(1, 1602)])
    list(run(letters, Plan(Selection(), "abc", "reason=refused", limit=1000), "ann", on))
    letters.drop(seqs(letters.select(limit=600)), "bob", "a test")
    letters.edit(1601, 0, event(1601, plan="new"), "ann")
    Valve(queue).pause("ann", "lunch")
    told = [(act.by, act.act, act.number, act.detail) for act in read_audit(queue)]
    assert told == [
        ("ann", "pause", 0, "lunch"),
        ("ann", "edit", 1, "1601"),
        ("bob", "drop", 600, "a test"),
        ("ann", "replay", 1000, "reason=refused"),
    ]
    assert list(read_audit(queue, since_ms=queue.now_ms() + 1000)) == []


def test_steps_are_summed_up_for_an_hour_only(queue, letters):
    die(queue, [event(1), event(2)])
    letters.drop([1], "ann", "because")
    key = queue.keys.name("audit")
    queue.client.lset(key, 0, b"1000\t1\tann\tdrop\tbecause")
    letters.drop([2], "ann", "because")
    assert [act.number for act in read_audit(queue)] == [1, 1]


def test_what_happens_by_itself_in_turns_pushes_nothing_else_out(queue, letters):
    die(queue, [event(number) for number in range(1, 31)])
    for _ in range(10):
        letters.prune("older than a day", older_than_s=0, limit=1)
        letters.prune("beyond 5", keep=0, limit=1)
    assert [(act.detail, act.number) for act in read_audit(queue)] == [("beyond 5", 10), ("older than a day", 10)]


def test_policies_prune_the_oldest_in_steps(queue, letters):
    die(queue, [event(number) for number in range(1, 13)])
    key = queue.keys.name("dead_at")
    for seq in (1, 2, 3):
        queue.client.zadd(key, {str(seq): 1000 * seq}, xx=True)
    assert letters.prune("older than a day", older_than_s=86400, limit=2) == 2
    assert letters.prune("older than a day", older_than_s=86400, limit=2) == 1
    assert letters.prune("older than a day", older_than_s=86400) == 0
    assert letters.prune("beyond 5", keep=5) == 4
    assert letters.prune("beyond 5", keep=5) == 0
    assert [(act.act, act.number, act.detail) for act in read_audit(queue)] == [
        ("prune", 4, "beyond 5"),
        ("prune", 3, "older than a day"),
    ]
    assert read_books(queue).balanced
    assert recount(queue).findings == []


def test_a_letter_that_died_after_it_was_chosen_is_not_dropped(queue, letters):
    die(queue, [event(1)])
    chosen_at = queue.now_ms()
    letters.replay([1], "bob")
    a_moment(queue)
    go_out(queue, "dead", "refused")
    assert letters.drop([1], "ann", "because", chosen_at) == 0
    assert letters.drop([1], "ann", "because") == 1


def test_the_upkeep_of_a_worker_applies_the_policy(queue, letters):
    die(queue, [event(number) for number in range(1, 9)])
    queue.client.zadd(queue.keys.name("dead_at"), {"1": 1000}, xx=True)
    Upkeep(queue, lambda *_: None, Settings(), Mock(), Mock(eids=())).round()
    assert read_books(queue).dead == 8
    Upkeep(queue, lambda *_: None, Settings(dead_max=5, dead_max_age=90 * 86400), Mock(), Mock(eids=())).round()
    assert seqs(letters.select()) == [4, 5, 6, 7, 8]
    assert [(act.number, act.detail) for act in read_audit(queue)] == [
        (2, "beyond 5 (LEADRELAY_DEAD_MAX)"),
        (1, "older than 90 days, 0:00:00 (LEADRELAY_DEAD_MAX_AGE)"),
    ]
