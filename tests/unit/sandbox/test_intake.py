"""One event after another into a store, as requests bring them."""

import itertools

import pytest
from leadrelay_sandbox import views
from leadrelay_sandbox.intake import Visitor, take
from leadrelay_sandbox.reading import read
from leadrelay_sandbox.store import Store
from leadrelay_sandbox.switches import DEFAULTS

FIREFOX = Visitor("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "203.0.113.7")


class Endpoint:
    """A store, a clock that counts, and switches."""

    def __init__(self):
        self.store = Store()
        self.clock = itertools.count(1000)
        self.choices = dict(DEFAULTS)

    def send(self, query, registered=True):
        self.store.begin()
        hit = read("GET", f"si=d&{query}".encode(), b"", self.choices)
        eid = take(self.store, hit, FIREFOX, self.choices, next(self.clock), registered=registered)
        self.store.commit()
        return eid

    def user(self, uid):
        return views.user(self.store, uid, "d")

    def profile(self, uid):
        return {name: entry["value"] for name, entry in self.user(uid)["profile"].items()}

    @property
    def last(self):
        return views.last_events(self.store, 1)[0]


@pytest.fixture
def endpoint():
    return Endpoint()


def test_an_event_without_ids_is_a_new_user_each_time(endpoint):
    first, second = endpoint.send("ti=x"), endpoint.send("ti=x")
    events = views.events(endpoint.store, 0, 10)
    assert [(event["eid"], event["sid"], event["uid"]) for event in events] == [
        (eid, eid, eid) for eid in (first, second)
    ]


def test_an_address_is_one_user(endpoint):
    endpoint.send("ti=x&uid=7&email=Ann@Example.com")
    endpoint.send("ti=x&email=%20ann@example.com")
    assert endpoint.last["uid"] == "7"
    assert endpoint.profile("7")["email"] == " ann@example.com"


def test_a_user_id_joins_the_user_of_its_address_and_then_finds_it_alone(endpoint):
    endpoint.send("ti=x&email=ann@example.com")
    endpoint.send("ti=x&email=ann@example.com&userId=42")
    endpoint.send("ti=x&userId=42")
    assert {event["uid"] for event in views.events(endpoint.store, 0, 10)} == {"ann@example.com"}


def test_another_users_address_is_taken_with_a_warning(endpoint):
    endpoint.send("ti=x&uid=1&email=ann@example.com")
    endpoint.send("ti=x&uid=2&email=ann@example.com")
    assert endpoint.last["uid"] == "2"
    assert endpoint.last["warnings"] == ["not documented: email: the address of another user; uid wins"]
    endpoint.send("ti=x&email=ann@example.com")
    assert endpoint.last["uid"] == "1"


def test_datasets_do_not_share_users_or_ids(endpoint):
    endpoint.send("eid=e1&uid=1&email=ann@example.com")
    endpoint.send("si=other&eid=e1&email=ann@example.com")
    endpoint.choices["duplicate_keys"] = "last"
    endpoint.send("si=other&eid=e1&email=ann@example.com")
    assert (endpoint.last["si"], endpoint.last["uid"], endpoint.last["duplicate"]) == (
        "other",
        "ann@example.com",
        False,
    )


def test_properties_reach_session_and_user_with_their_origin(endpoint):
    first = endpoint.send("ti=x&uid=1&sid=s&plan=free&role=")
    second = endpoint.send("ti=y&uid=1&sid=s&plan=pro&proxy=true")
    for profile in (endpoint.user("1")["profile"], views.sessions(endpoint.store, 9, 0)["sessions"][0]["profile"]):
        assert profile["plan"] == {"value": "pro", "eid": second, "at_ms": 1001, "from": "event"}
        assert profile["role"] == {"value": "", "eid": first, "at_ms": 1000, "from": "event"}
        assert profile["browser"] == {"value": "Firefox", "eid": first, "at_ms": 1000, "from": "enriched"}
        assert "si" not in profile


def test_an_empty_value_keeps_what_is_there(endpoint):
    endpoint.send("uid=1&plan=pro")
    endpoint.send("uid=1&plan=")
    assert endpoint.profile("1")["plan"] == "pro"
    assert endpoint.last["params"]["plan"] == ""
    endpoint.choices["empty_value"] = "overwrite"
    endpoint.send("uid=1&plan=")
    assert endpoint.profile("1")["plan"] == ""


def test_counters(endpoint):
    for query in ("ti=a&uid=1&sid=s", "ti=a&uid=1&sid=s", "ti=a&uid=2", "ti=b&uid=2", "uid=2"):
        endpoint.send(query)
    assert views.counters(endpoint.store) == {
        "total": {"events": 5, "sessions": 4, "unique": 4},
        "titles": [
            {"si": "d", "ti": "a", "total": 3, "unique": 2},
            {"si": "d", "ti": "NO TITLE", "total": 1, "unique": 1},
            {"si": "d", "ti": "b", "total": 1, "unique": 1},
        ],
    }
    assert endpoint.user("1")["counters"] == {"events": 2, "sessions": 1}
    assert endpoint.user("2")["counters"] == {"events": 3, "sessions": 3}


def test_unique_per_session_by_switch(endpoint):
    endpoint.choices["unique_per"] = "session"
    for sid in ("s1", "s1", "s2"):
        endpoint.send(f"ti=a&uid=1&sid={sid}")
    assert views.counters(endpoint.store)["titles"][0]["unique"] == 2


@pytest.mark.parametrize("query", ["proxy=true", "proxy", "increment=false"])
def test_what_does_not_count(endpoint, query):
    endpoint.send(f"ti=a&uid=1&sid=s&plan=pro&{query}")
    assert views.counters(endpoint.store) == {"total": {"events": 0, "sessions": 0, "unique": 0}, "titles": []}
    assert endpoint.user("1")["counters"] == {"events": 0, "sessions": 0}
    assert endpoint.last["counted"] is False
    assert endpoint.profile("1")["plan"] == "pro"
    assert ("browser" in endpoint.profile("1")) is (query == "increment=false")


def test_proxy_changes_neither_browser_nor_the_sessions_end(endpoint):
    endpoint.send("uid=1&sid=s&browser=Mine")
    endpoint.send("uid=1&sid=s&proxy=true")
    session = endpoint.user("1")["sessions"][0]
    assert (session["start_ms"], session["end_ms"], session["events"]) == (1000, 1000, 1)
    assert endpoint.profile("1")["browser"] == "Mine"
    endpoint.send("uid=1&sid=s")
    assert endpoint.user("1")["sessions"][0]["end_ms"] == 1002
    assert endpoint.profile("1")["browser"] == "Firefox"


def test_a_session_of_proxied_events_has_no_end(endpoint):
    endpoint.send("uid=1&sid=s&proxy=true")
    assert endpoint.user("1")["sessions"][0]["end_ms"] is None


def test_a_session_goes_with_its_latest_user(endpoint):
    endpoint.send("uid=anonymous&sid=s")
    endpoint.send("uid=known&sid=s")
    assert endpoint.user("anonymous")["sessions"] == []
    assert endpoint.user("known")["sessions"][0]["events"] == 2


def test_a_known_eid_is_merged_and_not_counted(endpoint):
    for query in ("plan=free&role=cto", "plan=pro&role=&city=Delft"):
        assert endpoint.send(f"ti=a&uid=1&eid=e1&{query}") == "e1"
    assert views.counters(endpoint.store)["total"]["events"] == 1
    assert (endpoint.last["duplicate"], endpoint.last["counted"]) == (True, False)
    assert "not documented: eid: known already; merged, not counted" in endpoint.last["warnings"]
    merged = views.event(endpoint.store, "e1", "d")
    assert merged["arrivals"] == 2
    assert {name: merged["params"][name] for name in ("plan", "role", "city")} == {
        "plan": "pro",
        "role": "cto",
        "city": "Delft",
    }
    assert endpoint.profile("1")["plan"] == "pro"
    stats = views.stats(endpoint.store)
    assert (stats["accepted"], stats["unique_eids"], stats["duplicates"]) == (2, 1, 1)


def test_a_known_eid_is_counted_again_by_switch(endpoint):
    endpoint.choices["duplicate_eid"] = "count"
    for _ in range(2):
        endpoint.send("ti=a&uid=1&eid=e1")
    assert views.counters(endpoint.store)["total"] == {"events": 2, "sessions": 1, "unique": 1}
    assert (endpoint.last["duplicate"], endpoint.last["counted"]) == (True, True)


def test_an_unregistered_dataset_is_marked(endpoint):
    endpoint.send("ti=a", registered=False)
    assert endpoint.last["registered"] is False
    assert endpoint.last["warnings"] == ["not documented: si: a dataset that is not registered; accepted"]


def test_names_beyond_ascii_stay_on_the_event(endpoint):
    endpoint.send("uid=1&st%C3%A4dt=x&Customer+ID=7")
    assert endpoint.last["params"]["städt"] == "x"
    assert "städt" not in endpoint.profile("1")
    assert endpoint.profile("1")["Customer ID"] == "7"


def test_t_ms_dates_an_event_by_switch(endpoint):
    endpoint.choices["t_ms"] = "honour"
    endpoint.send("uid=1&t_ms=1783024862163")
    endpoint.send("uid=1&t_ms=1783024860000")
    assert endpoint.last["at_ms"] == 1783024860000
    assert views.users(endpoint.store, 1, 0, "")["users"][0]["last_ms"] == 1783024862163
