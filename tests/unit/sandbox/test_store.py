import sqlite3

import pytest
from leadrelay.errors import ConfigurationError
from leadrelay_sandbox import views
from leadrelay_sandbox.intake import Visitor, take
from leadrelay_sandbox.reading import read
from leadrelay_sandbox.store import Store
from leadrelay_sandbox.switches import DEFAULTS


def send(store, query):
    hit = read("GET", f"si=d&{query}".encode(), b"", DEFAULTS)
    return take(store, hit, Visitor("", ""), DEFAULTS, 1000)


def accepted(store, *queries):
    store.begin()
    for query in queries:
        send(store, query)
    store.commit()


def reopened(store, path):
    store.close()
    return Store(path)


def test_a_store_goes_on_from_its_file(tmp_path):
    path = tmp_path / "s.sqlite"
    store = Store(path)
    accepted(store, "eid=e1&uid=1&ti=a&plan=pro", "eid=e1&uid=1&ti=a")
    before = [views.stats(store), views.counters(store), views.user(store, "1", "d"), views.events(store, 0, 9)]
    again = reopened(store, path)
    assert [views.stats(again), views.counters(again), views.user(again, "1", "d"), views.events(again, 0, 9)] == before
    accepted(again, "eid=e2&uid=1")
    assert [event["index"] for event in views.events(again, 0, 9)] == [0, 1, 2]


def test_what_was_not_committed_is_not_there(tmp_path):
    store = Store(tmp_path / "s.sqlite")
    accepted(store, "eid=e1&uid=1")
    store.begin()
    send(store, "eid=e2&uid=2")
    store.rollback()
    assert views.stats(store)["accepted"] == 1
    assert views.user(store, "2", "d") is None
    accepted(store, "eid=e3&uid=1")
    assert [event["eid"] for event in views.events(store, 0, 9)] == ["e1", "e3"]


def test_clearing_forgets_everything(tmp_path):
    path = tmp_path / "s.sqlite"
    store = Store(path)
    accepted(store, "eid=e1&uid=1&ti=a")
    store.begin()
    store.clear()
    store.commit()
    again = reopened(store, path)
    assert not any(views.stats(again).values())
    assert views.users(again, 9, 0, "") == {"total": 0, "users": []}
    assert views.sessions(again, 9, 0) == {"total": 0, "sessions": []}
    assert views.counters(again)["titles"] == []
    accepted(again, "eid=e1&uid=1&ti=a")
    assert views.counters(again)["titles"] == [{"si": "d", "ti": "a", "total": 1, "unique": 1}]


def test_others_read_while_it_is_open_and_only_its_owner_may(tmp_path):
    path = tmp_path / "s.sqlite"
    store = Store(path)
    accepted(store, "eid=e1")
    reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    assert reader.execute("SELECT eid FROM events").fetchall() == [("e1",)]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b'{"index": 0, "eid": "e1"}\n' * 100, b"x" * 5000])
def test_another_file_is_left_alone(tmp_path, content):
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"events\.jsonl"):
        Store(path)
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path):
    path = tmp_path / "other.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="not a store of this sandbox"):
        Store(path)
    assert path.read_bytes() == before


def test_one_sandbox_at_a_time(tmp_path):
    first = Store(tmp_path / "s.sqlite")
    with pytest.raises(ConfigurationError, match="another sandbox uses it"):
        Store(tmp_path / "s.sqlite")
    reopened(first, tmp_path / "s.sqlite")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot write there"):
        Store(tmp_path / "none" / "s.sqlite")
