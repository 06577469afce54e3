"""What opens a breaker, as a table: outcomes of one second, and what they open."""

import pytest
from leadrelay.queue.core import REJECTED_RUN
from leadrelay_worker.flow.evidence import Row
from leadrelay_worker.flow.numbers import Numbers
from leadrelay_worker.flow.policy import ALL, Memory, Report, decide

NUMBERS = Numbers()
WORKERS = frozenset({f"w{n}" for n in range(1, 12)})


def row(outcome, reason, number, *, scope="a", worker="w1", events=None):
    named = tuple(range(1, (number if events is None else events) + 1))[:8]
    return Row(scope, worker, outcome, reason, number, () if outcome == "accepted" else named)


def ok(number, **of):
    return row("accepted", "http_200", number, **of)


def bad(number, reason="http_503", **of):
    return row("transient", reason, number, **of)


def refused(number, reason="http_401", **of):
    return row("misconfigured", reason, number, **of)


def rejected(number, **of):
    return row("rejected", "http_400", number, **of)


def open_after(*rounds, only="a", runs=None, numbers=NUMBERS):
    """Run rounds of a second each; give what is open then, with its reason."""
    memory, states = Memory(), {}
    for number, rows in enumerate(rounds):
        report = Report(1_000_000 + number * 1000, tuple(rows), runs or {}, workers=WORKERS, only=only, states=states)
        memory, changes = decide(memory, report, numbers)
        states = {**states, **{change.key: change.breaker.state for change in changes}}
    return {key: one.reason for key, one in memory.breakers.items() if one.state == "open"}


ONE_DATASET = [
    ("ten failed, none else", [[bad(10)]], "503 for 100% of 10 attempts"),
    ("nine failed", [[bad(9)]], None),
    ("ten failed over five seconds", [[bad(2)]] * 4 + [[bad(2, events=5)]], "503 for 100% of 10 attempts"),
    ("ten failures of one event", [[bad(10, events=1)]], None),
    ("ten failures of two events", [[bad(10, events=2)]], None),
    ("nine failed, one accepted", [[bad(9), ok(1)]], None),
    ("most of a hundred", [[bad(70), ok(30)]], "503 for 70% of 100 attempts"),
    ("not quite most of a hundred", [[bad(69), ok(31)]], None),
    ("half of a thousand", [[bad(500), ok(500)]], None),
    ("a glitch between successes", [[ok(500)], [bad(30), ok(20)], [ok(500)]], None),
    ("all of the newest after many successes", [[ok(5000)], [bad(30)]], "503 for 100% of 30 attempts"),
    ("what failed a while ago is over when the newest succeed", [[bad(9)], [ok(1)], [bad(1), ok(30)]], None),
    ("throttled altogether", [[row("throttled", "http_429", 10)]], "429 for 100% of 10 attempts"),
    ("five events see misconfigured", [[refused(5)]], "401 for 5 different events, none accepted"),
    ("one event sees it often", [[refused(50, events=1)]], None),
    ("four events see it", [[refused(4)]], None),
    ("a page that is no id", [[refused(5, "not_an_id")]], "not an id for 5 different events, none accepted"),
    ("five see it, one is accepted in between", [[refused(3)], [ok(1)], [refused(2)]], None),
    (
        "five see it over an hour",
        [[refused(2)], *([[]] * 3600), [refused(5)]],
        "401 for 5 different events, none accepted",
    ),
    ("rejections alone open nothing", [[rejected(19)]], None),
    ("nothing happened", [[]], None),
]


@pytest.mark.parametrize(("rounds", "reason"), [row[1:] for row in ONE_DATASET], ids=[row[0] for row in ONE_DATASET])
def test_with_one_dataset_its_breaker_is_that_of_all(rounds, reason):
    assert open_after(*rounds) == ({ALL: reason} if reason else {})


def test_twenty_rejected_in_a_row_open():
    assert open_after([rejected(20)], runs={"a": 20, ALL: 20}) == {ALL: "400 for 20 events in a row, none accepted"}


def test_the_queue_buries_as_many_as_the_policy_waits_for():
    assert NUMBERS.rejected_run == REJECTED_RUN


def test_an_operator_who_said_go_on_is_obeyed():
    assert open_after([rejected(20)], runs={"a": -1, ALL: -1}) == {}


SEVERAL = [
    ("a dataset fails, another does not", [[bad(20), ok(20, scope="b")]], {"a"}),
    ("a dataset is refused, another is not", [[refused(5), ok(1, scope="b")]], {"a"}),
    ("the network fails", [[bad(6, "connect"), bad(6, "connect", scope="b")]], {ALL}),
    ("no name", [[refused(3, "dns"), refused(5, "dns", scope="b")]], {ALL}),
    ("the network fails for one dataset of two", [[bad(6, "connect"), ok(6, scope="b")]], set()),
    ("three datasets fail a little", [[bad(4, scope=scope, events=4) for scope in "abc"]], set()),
]


@pytest.mark.parametrize(("rounds", "keys"), [row[1:] for row in SEVERAL], ids=[row[0] for row in SEVERAL])
def test_with_several_datasets_each_hurts_only_itself(rounds, keys):
    assert set(open_after(*rounds, only=None)) == keys


def distinct(kind, scopes, each):
    """Rows whose events differ between datasets, as sequence numbers do."""
    made = [kind(each, scope=scope) for scope in scopes]
    return [
        Row(one.scope, one.worker, one.outcome, one.reason, one.number, tuple(at * 100 + seq for seq in one.events))
        for at, one in enumerate(made, 1)
    ]


@pytest.mark.parametrize("kind", [bad, refused])
def test_three_failing_datasets_and_no_other_are_everybodys_trouble(kind):
    assert set(open_after(distinct(kind, "abc", 4), only=None)) == {ALL}
    assert set(open_after(distinct(kind, "ab", 4), only=None)) == set()


def test_rejections_over_many_datasets_open_for_all_at_three_times_the_number():
    rows = [rejected(1, scope=f"s{n}") for n in range(60)]
    assert set(open_after(rows, only=None, runs={ALL: 60})) == {ALL}
    assert set(open_after(rows, only=None, runs={ALL: 59})) == set()


WORKERS_TABLE = [
    ("one fails, one succeeds", [bad(50), ok(50, worker="w2")], {"@w1"}),
    ("one is refused, one succeeds", [refused(50, "dns"), ok(50, worker="w2")], {"@w1"}),
    ("one is rejected, one succeeds", [rejected(50), ok(50, worker="w2")], {"@w1"}),
    ("one fails a few, one succeeds", [bad(19), ok(50, worker="w2")], set()),
    ("both fail", [bad(50), bad(50, worker="w2")], {ALL}),
    ("one fails, one mostly", [bad(90), ok(10), bad(70, worker="w2"), ok(30, worker="w2")], {ALL}),
    ("one fails very fast, one succeeds", [bad(5000), ok(10, worker="w2")], {"@w1"}),
]


@pytest.mark.parametrize(("rows", "keys"), [row[1:] for row in WORKERS_TABLE], ids=[row[0] for row in WORKERS_TABLE])
def test_a_worker_that_fails_alone_stops_alone(rows, keys):
    assert set(open_after(rows)) == keys


def test_many_workers_that_fail_beside_one_that_succeeds_are_told_apart_in_time():
    rows = [*(bad(8, worker=f"w{n}") for n in range(1, 11)), ok(20, worker="w11")]
    assert set(open_after(rows)) == set()
    assert set(open_after(rows, rows)) == set()
    assert set(open_after(rows, rows, rows)) == {f"@w{n}" for n in range(1, 11)}


def test_a_worker_on_another_dataset_is_no_witness():
    assert set(open_after([bad(50), ok(50, worker="w2", scope="b")], only=None)) == {"a"}


def test_there_is_a_bound_on_breakers_that_are_open():
    rows = [refused(5, scope=f"s{n}") for n in range(10)] + [ok(100, scope="z")]
    assert len(open_after(rows, only=None, numbers=Numbers(most_breakers=4))) == 4
    first = [refused(5, scope="s9"), ok(100, scope="z")]
    assert "s9" in open_after(first, rows, only=None, numbers=Numbers(most_breakers=4))
