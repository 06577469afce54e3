import pytest
from leadrelay_sandbox import views
from leadrelay_sandbox.store import BAD_KEPT, Store

from tests.unit.sandbox.test_intake import Endpoint


@pytest.fixture
def endpoint():
    return Endpoint()


def test_events_from_an_index_and_the_last_ones(endpoint):
    for number in range(5):
        endpoint.send(f"eid=e{number}")
    assert [event["eid"] for event in views.events(endpoint.store, 1, 2)] == ["e1", "e2"]
    assert [event["eid"] for event in views.last_events(endpoint.store, 2)] == ["e3", "e4"]
    assert [event["index"] for event in views.last_events(endpoint.store, 2)] == [3, 4]
    assert views.events(endpoint.store, 9, 2) == []


def test_one_answer_has_a_size(endpoint, monkeypatch):
    monkeypatch.setattr(views, "MOST_BYTES", 1000)
    for number in range(5):
        endpoint.send(f"eid=e{number}&x={'y' * 400}")
    assert [event["eid"] for event in views.events(endpoint.store, 0, 5)] == ["e0", "e1"]
    assert [event["eid"] for event in views.last_events(endpoint.store, 5)] == ["e3", "e4"]
    endpoint.send(f"eid=large&x={'y' * 4000}")
    assert [event["eid"] for event in views.last_events(endpoint.store, 5)] == ["large"]


def test_users_newest_activity_first_and_found(endpoint):
    for query in ("uid=1&email=Ann@example.com&name=Ann", "uid=2&userId=B-42", "uid=3", "uid=2"):
        endpoint.send(query)
    shown = views.users(endpoint.store, 2, 0, "")
    assert (shown["total"], [user["uid"] for user in shown["users"]]) == (3, ["2", "3"])
    assert [user["uid"] for user in views.users(endpoint.store, 2, 2, "")["users"]] == ["1"]
    for find, uid in (("ANN@", "1"), ("b-4", "2"), ("3", "3")):
        found = views.users(endpoint.store, 9, 0, find)
        assert (found["total"], found["users"][0]["uid"]) == (1, uid)
    assert views.users(endpoint.store, 9, 0, "Ann")["users"][0] == {
        "si": "d",
        "uid": "1",
        "first_ms": 1000,
        "last_ms": 1000,
        "events": 1,
        "sessions": 1,
        "email": "ann@example.com",
        "userId": "",
        "name": "Ann",
    }


def test_a_user_has_its_timeline_newest_first(endpoint):
    for number in range(250):
        endpoint.send(f"uid=1&eid=e{number}")
    user = views.user(endpoint.store, "1", "")
    assert [user["timeline"][0]["eid"], len(user["timeline"])] == ["e249", 200]
    assert views.user(endpoint.store, "1", "other") is None
    assert views.user(endpoint.store, "2", "d") is None


def test_bad_requests_are_kept_up_to_a_number():
    store = Store()
    store.begin()
    for number in range(BAD_KEPT + 5):
        store.add_bad(number, "GET", 400, "si: no dataset id", "GET /")
    store.commit()
    kept = views.bad(store, 0, 10**6)
    assert (len(kept), kept[0]["index"], views.stats(store)["bad"]) == (BAD_KEPT, 5, BAD_KEPT + 5)
    assert views.last_bad(store, 1) == [
        {
            "index": BAD_KEPT + 4,
            "at_ms": BAD_KEPT + 4,
            "method": "GET",
            "status": 400,
            "reason": "si: no dataset id",
            "line": "GET /",
        }
    ]
