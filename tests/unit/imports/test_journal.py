import sqlite3

import pytest
from leadrelay.imports.journal import Journal

A, B, C = ("a" * 32, "b" * 32, "c" * 32)


@pytest.fixture
def opened(tmp_path):
    """Open the journal again, as the next process does; what the last one did not close is rolled back."""
    journals = []

    def open_again():
        if journals:
            journals[-1]._database.close()
        journals.append(Journal(tmp_path / "journal.sqlite"))
        return journals[-1]

    return open_again


def test_what_was_accepted_is_known_after_closing(opened):
    journal = opened()
    journal.settle("")
    for one in (A, B):
        journal.begin([one])
        journal.accepted()
    journal.close()
    journal = opened()
    assert [journal.known(one) for one in (A, B, C)] == [True, True, False]


def test_only_the_last_batch_is_in_doubt(opened):
    journal = opened()
    journal.begin([A])
    journal.accepted()
    journal.begin([B])
    journal = opened()
    journal.settle("another")
    assert [journal.known(one) for one in (A, B)] == [True, False]


def test_many_batches(opened):
    journal = opened()
    ids = [f"{number * 7919:032x}" for number in range(1000)]
    for one in ids:
        journal.begin([one])
        journal.accepted()
    assert journal._database.execute("SELECT count(*) FROM batches").fetchone()[0] <= 200
    journal = opened()
    journal.settle("another")
    assert [journal.known(one) for one in ids] == [True] * 999 + [False]


def test_a_batch_in_doubt_is_settled_by_what_the_queue_says(opened):
    for taken in (True, False):
        journal = opened()
        batch = journal.begin([B, C])
        journal = opened()
        assert not journal.known(B)
        journal.settle(batch.digest if taken else "another")
        assert [journal.known(one) for one in (B, C)] == [taken, taken]
        journal._database.execute("DELETE FROM imported")
        journal._database.commit()


def test_a_doubt_that_could_not_be_settled_stays_one(opened):
    opened().begin([A])
    opened().close()
    journal = opened()
    journal.settle("another")
    assert not journal.known(A)


def test_a_settled_doubt_is_gone(opened):
    journal = opened()
    batch = journal.begin([A])
    journal.settle("another")
    journal.settle(batch.digest)
    assert not journal.known(A)


def test_the_doubt_stays_when_the_batch_was_not_accepted(opened):
    journal = opened()
    batch = journal.begin([A])
    journal.close()
    journal = opened()
    journal.settle(batch.digest)
    assert journal.known(A)


def test_closing_after_acceptance_leaves_no_doubt(opened):
    journal = opened()
    batch = journal.begin([A])
    journal.accepted()
    journal.close()
    journal = opened()
    journal._database.execute("DELETE FROM imported")
    journal.settle(batch.digest)
    assert not journal.known(A)


def test_names(opened, tmp_path):
    first = opened().begin([A, B])
    again = opened().begin([A, B])
    assert first == again
    assert opened().begin([B, A]).digest != first.digest
    other = Journal(tmp_path / "other.sqlite")
    assert other.name != first.source
    other.close()


def test_equal_records_are_counted_in_one_run(opened):
    journal = opened()
    assert [journal.met(key) for key in (b"x", b"y", b"x", b"x")] == [1, 1, 2, 3]
    journal = opened()
    assert journal.met(b"x") == 1


def test_the_file_is_private(opened, tmp_path):
    opened()
    assert (tmp_path / "journal.sqlite").stat().st_mode & 0o777 == 0o600


def test_what_is_no_journal(tmp_path):
    (tmp_path / "other").write_text("something else, long enough to be looked at" * 100)
    with pytest.raises(sqlite3.Error):
        Journal(tmp_path / "other")
