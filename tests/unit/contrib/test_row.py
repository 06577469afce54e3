from hypothesis import given
from hypothesis import strategies as st
from leadrelay.contrib.outbox.row import Noted, Row
from leadrelay.contrib.outbox.store import fitting
from leadrelay.event import Event
from leadrelay.label import shown_dataset

EID = "0193a8f0c0de7abc8def0123456789ab"


def test_a_row_gives_the_entry_of_its_event():
    event = Event.create("paid", eid=EID, si="d1", userId="7", properties={"name": "Zoë"})
    entry = Row(3, EID, event.lane("s"), event.payload().decode()).entry("source")
    assert (entry.eid, entry.lane, entry.scope) == (EID, event.lane("s"), event.scope())
    assert entry.payload == event.payload()
    assert (entry.dataset, entry.title) == (shown_dataset("d1"), "paid")


def test_a_row_whose_id_cannot_be_used_gets_one_that_stays():
    row = Row(3, "with spaces\nand lines", "with spaces", '{"si":"d","ti":"t"}')
    entry = row.entry("source")
    assert entry == row.entry("source")
    assert len(entry.eid) == 32
    assert entry.lane == ""
    assert Row(4, row.eid, "", row.payload).entry("source").eid != entry.eid
    assert row.entry("another").eid != entry.eid


@given(st.lists(st.tuples(st.integers(1), st.text())))
def test_what_is_noted_is_read_again(rows):
    noted = Noted.of(rows)
    assert Noted.read(noted.text()) == noted
    assert bool(noted) == bool(rows)


@given(st.lists(st.tuples(st.integers(1), st.text(max_size=3), st.integers(0, 1_500_000))))
def test_what_fits_is_the_most_that_begins_the_rows(candidates):
    ids = fitting(candidates).ids
    assert ids == tuple(number for number, _, _ in candidates[: len(ids)])
    sizes = [size for _, _, size in candidates]
    assert len(ids) >= min(1, len(candidates))
    assert len(ids) <= 1 or sum(sizes[: len(ids)]) <= 1_000_000
    assert len(ids) == len(candidates) or sum(sizes[: len(ids) + 1]) > 1_000_000
