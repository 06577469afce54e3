"""Dead letters on a real server: what is stale, what a replay moves, what the records say."""

import pytest
from leadrelay.errors import BrokerFull
from leadrelay.queue import DeadLetters, Entry, Replayed, Selection, Valve
from leadrelay.queue.books import read_books
from leadrelay.queue.replay import Plan, delivering_per_s, read_records, run, survey, unfinished
from leadrelay.queue.verify import recount

from tests.chaos.processes import until
from tests.letters import LANE, a_moment, die, event, go_out, on, seqs, stop_after


@pytest.fixture
def letters(queue):
    return DeadLetters(queue)


# Reading ------------------------------------------------------------------------------------------------------


def test_selection_goes_on_true_while_letters_leave(queue, letters):
    die(queue, [event(number) for number in range(1, 2501)])
    seen = []
    for letter in letters.select():
        seen.append(letter.message.seq)
        letters.drop([letter.message.seq], "ann", "test")
    assert seen == list(range(1, 2501))


def test_what_died_in_one_ms_is_read_whole_and_in_order(queue, letters):
    die(queue, [event(number) for number in range(1, 2301)])
    key = queue.keys.name("dead_at")
    for member in queue.client.zrange(key, 0, -1):
        queue.client.zadd(key, {member: 5}, xx=True)
    assert seqs(letters.select()) == list(range(1, 2301))


def test_what_dies_while_it_is_read_is_not_read(queue, letters):
    die(queue, [event(1)])
    found = letters.select()
    assert next(found).message.seq == 1
    begun = queue.now_ms()
    until(lambda: queue.now_ms() > begun, "the clock goes on: what died in the same millisecond is read")
    die(queue, [event(2)])
    assert list(found) == []


def test_filters(queue, letters):
    die(queue, [event(1, email=" Ann@Example.com "), event(2, ti="login", userId="42")])
    a_moment(queue)
    die(queue, [event(3, otui="55.1600000000000.1.1.1.1")], "expired")
    died = {letter.message.seq: letter.died_ms for letter in letters.select()}
    for selection, expected in (
        (Selection(reason="expired"), [3]),
        (Selection(title="login"), [2]),
        (Selection(user="ann@example.COM"), [1]),
        (Selection(user="1600000000000.55"), [3]),
        (Selection(user="42", reason="expired"), []),
        (Selection(since_ms=died[3]), [3]),
        (Selection(until_ms=died[3]), [1, 2]),
    ):
        assert seqs(letters.select(selection)) == expected, selection
    assert seqs(letters.select(limit=2)) == [1, 2]


def test_one_is_found_by_number_or_eid(queue, letters):
    die(queue, [event(1), event(2)])
    assert letters.show("2").message.eid == event(2).eid
    assert letters.show(event(2).eid).message.seq == 2
    assert letters.show("3") is None
    assert letters.show("f" * 32) is None


def test_what_cannot_be_read_is_listed_and_dropped_but_not_replayed(queue, letters):
    queue.client.rpush(queue.keys.name("ready"), b"\x00rubbish")
    queue.client.hincrby(queue.keys.name("ledger"), "n:ready", 0)
    go_out(queue)
    die(queue, [Entry("e" * 32, "", "s", b"\xff not JSON")], "malformed")
    queue.client.hset(queue.keys.name("dead"), "2", b"a record of nobody")
    first, second = letters.select()
    assert (first.reason, first.content(), first.wire) == ("unreadable", {"text": "\x00rubbish"}, None)
    assert (second.readable, second.reason, second.message.seq) == (False, "unreadable", 2)
    *_, last = run(letters, Plan(Selection(), "x", "all"), "ann", on)
    assert (last.here, last.needs_edit, last.done) == (Replayed(), 2, True)
    assert letters.replay([2], "ann") == Replayed()
    with pytest.raises(LookupError, match="cannot be read"):
        letters.edit(2, 0, event(2), "ann")
    assert letters.drop([1, 2], "ann", "rubbish") == 2
    assert read_books(queue).balanced


def test_counts(queue, letters):
    die(queue, [event(1), event(2, ti="login")])
    die(queue, [Entry("e" * 32, "", "s", b"rubbish")], "malformed")
    found = survey(letters, Selection())
    assert (found.matching, found.needs_edit, found.stale) == (3, 1, 0)
    assert found.by_reason == {"refused": 2, "malformed": 1}
    assert found.by_title == {"signup": 1, "login": 1, "": 1}


# Stale letters, and order ------------------------------------------------------------------------------------


def test_a_later_event_that_was_delivered_makes_a_letter_stale(queue, letters):
    die(queue, [event(1, LANE)])
    queue.enqueue([event(2, LANE)])
    assert not letters.show("1").stale
    go_out(queue)
    assert letters.show("1").stale
    assert survey(letters, Selection()).stale == 1
    assert letters.replay([1], "ann") == Replayed(stale=1)
    assert letters.replay([1], "ann", allow_stale=True) == Replayed(1)
    (claimed,) = queue.claim("w", "r", 5, 10**6, 0).messages
    assert (claimed.message.stale, claimed.message.replays) == (True, 1)


def test_a_stale_letter_that_dies_again_is_still_stale(queue, letters):
    die(queue, [event(1, LANE)])
    queue.enqueue([event(2, LANE)])
    go_out(queue)
    letters.replay([1], "ann", allow_stale=True)
    go_out(queue, "dead", "refused")
    assert letters.show("1").stale
    assert letters.replay([1], "ann") == Replayed(stale=1)


def test_a_later_event_on_its_way_makes_a_letter_stale(queue, letters):
    die(queue, [event(1, LANE)])
    queue.enqueue([event(2, LANE)])
    go_out(queue, "scheduled", "3600000")
    assert letters.show("1").stale
    assert letters.replay([1], "ann") == Replayed(stale=1)


def test_a_later_event_that_still_waits_comes_after(queue, letters):
    die(queue, [event(1, LANE)])
    queue.enqueue([event(2, LANE)])
    assert letters.replay([1], "ann") == Replayed(1)
    queue.enqueue([event(3, LANE)])
    order = []
    while gone := go_out(queue):
        order += gone
    assert order == [1, 2, 3]


def test_letters_of_one_lane_leave_in_order_of_acceptance(queue, letters):
    die(queue, [event(number, LANE) for number in range(1, 5)])
    queue.enqueue([event(5, LANE)])
    assert letters.replay([4, 2, 1, 3], "ann") == Replayed(4)
    assert read_books(queue).held == 3
    order = []
    while gone := go_out(queue):
        order += gone
    assert order == [1, 2, 3, 4, 5]
    assert recount(queue).findings == []
    assert queue.client.hlen(queue.keys.name("watched")) == 0


def test_without_a_lane_nothing_is_stale(queue, letters):
    die(queue, [event(1)])
    queue.enqueue([event(2)])
    go_out(queue)
    assert letters.replay([1], "ann") == Replayed(1)


def test_an_edit_to_another_person_is_stale(queue, letters):
    die(queue, [event(1, LANE)])
    entry = event(1, "b" * 16, userId="7")
    assert letters.edit(1, 0, entry, "ann") == 1
    letter = letters.show("1")
    assert (letter.stale, letter.message.lane, letter.wire["userId"]) == (True, "b" * 16, "7")


# Runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_recorded_and_counts_what_it_moves(queue, letters):
    die(queue, [event(number) for number in range(1, 1301)])
    plan = Plan(Selection(reason="refused"), "abc", "reason=refused")
    *_, last = run(letters, plan, "ann", on)
    assert (last.here, last.done) == (Replayed(1300), True)
    (record,) = read_records(letters)
    assert (record.id, record.state, record.replayed, record.by) == ("abc", "done", 1300, "ann")
    assert unfinished(letters, "abc") is None
    assert read_books(queue).ready == 1300
    assert recount(queue).findings == []


def test_a_stopped_run_goes_on_where_it_stood(queue, letters):
    die(queue, [event(number) for number in range(1, 1301)])
    plan = Plan(Selection(), "abc", "all")
    *_, stopped = run(letters, plan, "ann", stop_after(2))
    assert (stopped.done, stopped.record.state, stopped.record.replayed) == (False, "stopped", 1000)
    assert unfinished(letters, "abc").replayed == 1000
    first, *_, last = run(letters, plan, "bob", on)
    assert (first.record.by, first.record.begun_ms, first.record.replayed) == ("ann", stopped.record.begun_ms, 1000)
    assert (last.here.replayed, last.record.replayed, last.done) == (300, 1300, True)


def test_a_run_takes_no_letter_twice(queue, letters):
    """What it replayed dies again at once: it is left to the next run, also when this one is stopped and goes on."""
    die(queue, [event(number) for number in range(1, 601)])
    plan = Plan(Selection(), "abc", "all")

    def dies_again(_seconds):
        go_out(queue, "dead", "refused")
        return False

    stopping = stop_after(1)
    list(run(letters, plan, "ann", lambda seconds: dies_again(seconds) or stopping(seconds)))
    assert unfinished(letters, "abc").replayed == 500
    *_, last = run(letters, plan, "ann", dies_again)
    assert last.done
    assert last.record.replayed == 600
    assert {letter.message.replays for letter in letters.select()} == {1}
    *_, following = run(letters, plan, "ann", on)
    assert (following.record.begun_ms > last.record.begun_ms, following.here.replayed) == (True, 600)


def test_a_letter_that_died_again_between_reading_and_moving_stays_dead(queue, letters):
    die(queue, [event(1)])
    first, *_ = run(letters, Plan(Selection(), "abc", "all"), "ann", stop_after(0))
    letters.replay([1], "bob")
    go_out(queue, "dead", "refused")
    assert letters.replay([1], "ann", replay_id="abc") == Replayed(again=1)
    assert letters.show("1").died_ms > first.record.begun_ms


def test_a_run_keeps_its_limit_over_interruptions(queue, letters):
    die(queue, [event(number) for number in range(1, 31)])
    plan = Plan(Selection(), "abc", "limit=12", limit=12, rate=20)
    *_, stopped = run(letters, plan, "ann", stop_after(2))
    *_, last = run(letters, plan, "ann", on)
    assert (stopped.record.replayed, last.record.replayed, last.done) == (10, 12, True)
    assert read_books(queue).dead == 18


def test_a_rate_is_kept(queue, letters):
    """So many letters a step, and the waits in between come to the rate."""
    die(queue, [event(number) for number in range(1, 21)])
    waits = []
    plan = Plan(Selection(), "abc", "all", rate=40)
    *_, last = run(letters, plan, "ann", lambda seconds: bool(waits.append(seconds)))
    assert last.here.replayed == 20
    assert len(waits) == 3
    assert 0.4 < waits[-1] <= 0.5


def test_a_full_broker_stops_a_run_which_then_goes_on(queue, letters):
    die(queue, [event(number) for number in range(1, 11)])
    plan = Plan(Selection(), "abc", "all")
    Valve(queue).set_full(60)
    with pytest.raises(BrokerFull):
        list(run(letters, plan, "ann", on))
    Valve(queue).set_full(0)
    *_, last = run(letters, plan, "ann", on)
    assert last.here.replayed == 10


def test_only_the_latest_records_are_kept(queue, letters):
    for number in range(105):
        *_, last = run(letters, Plan(Selection(), f"r{number}", "all"), "ann", on)
        assert last.done
    records = read_records(letters)
    assert len(records) == 100
    assert records[0].id == "r104"
    assert "r0" not in {record.id for record in records}


def test_the_rate_of_delivery_is_measured(queue):
    queue.enqueue([event(1), event(2)])
    assert delivering_per_s(queue, lambda _: go_out(queue)) > 0
    assert delivering_per_s(queue, lambda _: None) == 0


def test_a_page_looks_at_a_bounded_number(queue):
    letters = DeadLetters(queue)
    die(queue, [event(number) for number in range(30)], "expired")
    page = letters.page(most=5, most_read=10)
    assert (len(page.letters), page.rest is not None) == (5, True)
    seqs = [letter.message.seq for letter in page.letters]
    while page.rest:
        page = letters.page(after=page.rest, most=7)
        seqs += [letter.message.seq for letter in page.letters]
    assert seqs == sorted(seqs)
    assert len(seqs) == 30


def test_a_page_that_finds_nothing_stops_looking_and_says_where(queue):
    letters = DeadLetters(queue)
    die(queue, [event(number) for number in range(600)], "expired")
    page = letters.page(Selection(reason="refused"), most=5, most_read=10)
    assert (page.letters, page.read) == ((), 500)
    page = letters.page(Selection(reason="refused"), page.rest, most=5, most_read=1000)
    assert (page.letters, page.read, page.rest) == ((), 100, None)


def test_a_page_stays_true_when_letters_leave(queue):
    letters = DeadLetters(queue)
    seqs = die(queue, [event(number) for number in range(30)], "expired")
    page = letters.page(most=10)
    letters.drop(seqs[5:15], "me", "test")
    assert [letter.message.seq for letter in letters.page(after=page.rest, most=50).letters] == seqs[15:]
