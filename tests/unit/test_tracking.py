import threading

import pytest
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.event import Event
from leadrelay.settings import Settings

URL = "https://log.leadboxer.com/?si=d2&sid=1&uid=9&email=a%2Bb@c.d"


@pytest.fixture
def tracked(monkeypatch):
    """Give the list of events that reached the client."""
    events = []
    here = Client(Settings(dataset_id="d1"), None)
    monkeypatch.setattr(here, "put", events.extend)
    monkeypatch.setattr(tracking, "client", lambda: here)
    return events


def wire(event):
    return {name: value for name, value in event.wire.items() if name != "eid"}


def test_track_event_gives_the_id_of_what_it_tracked(tracked):
    assert tracking.track_event("signup", userId=7) == tracked[0].eid
    assert wire(tracked[0]) == {"si": "d1", "ti": "signup", "userId": "7", "proxy": "true"}


PRODUCERS = {
    "track_event": lambda **call: tracking.track_event("a", **call),
    "track_many": lambda **call: tracking.track_many([{"ti": "a", **call}]),
    "track_url": lambda **call: tracking.track_url(URL, **call),
    "update_user": tracking.update_user,
}


@pytest.mark.parametrize("producer", PRODUCERS)
def test_every_producer_takes_a_lane_or_none(tracked, producer):
    for lane in (None, "order-7", False):
        PRODUCERS[producer](
            **({} if producer == "track_url" else {"uid": "9"}), **({"lane": lane} if lane is not None else {})
        )
    lanes = [event.lane("k") for event in tracked]
    assert lanes[2] == ""
    assert len({lanes[0], lanes[1], ""}) == 3


@pytest.mark.parametrize("title", ["", None, " "])
def test_an_event_has_a_title(tracked, title):
    with pytest.raises(InvalidEvent, match=r"^ti: "):
        tracking.track_event(title)
    assert tracked == []


def test_track_many_takes_events_and_mappings(tracked):
    made = Event.create("a", eid="e" * 32, si="d3")
    ids = tracking.track_many(event for event in [made, {"ti": "b", "properties": {"x y": 1}, "lane": False}])
    assert ids == [event.eid for event in tracked]
    assert tracked[0] is made
    assert wire(tracked[1]) == {"si": "d1", "ti": "b", "x y": "1", "proxy": "true"}


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"ti": "b", "x": ["secret"]}, "x: a value of type list has no form on the wire"),
        ({"x": "secret"}, "ti: expected a text that is not blank"),
        ({"ti": None}, "ti: expected a text that is not blank"),
        ({"ti": "b", "x": "secret" * 20_000}, "x: the event has 120"),
        ({"ti": "b", 7: "secret"}, "a property's name is a int; names are text"),
        ("secret", "expected an Event or a mapping of wire names, not a str"),
    ],
)
def test_track_many_tells_which_one_is_wrong_and_tracks_none(tracked, odd, said):
    with pytest.raises(InvalidEvent) as caught:
        tracking.track_many([{"ti": "a"}, odd])
    assert str(caught.value).startswith(f"events[1]: {said}")
    assert "secret" not in str(caught.value)
    assert tracked == []


def test_update_user_counts_nothing_and_has_a_title(tracked):
    assert tracking.update_user(userId="7", plan="pro") == tracked[0].eid
    assert wire(tracked[0]) == {"si": "d1", "ti": "user_updated", "userId": "7", "plan": "pro", "proxy": "true"}


def test_update_user_counts_nothing_with_a_visitor_at_hand(tracked):
    tracking.update_user(userId="7", proxy=None, user_agent="Mozilla", ip="192.0.2.4")
    assert tracked[0].wire["proxy"] == "true"


def test_update_user_as_a_visitors_own(tracked):
    tracking.update_user(sid="12345", ti="renamed", proxy=False, user_agent="Mozilla", ip="192.0.2.4")
    assert wire(tracked[0]) == {"si": "d1", "ti": "renamed", "sid": "12345", "ip": "192.0.2.4", "_ua": "Mozilla"}


@pytest.mark.parametrize(
    "who",
    [
        {"uid": "9"},
        {"otui": "1.2.2.2.1.1"},
        {"userId": 7},
        {"email": "a@b.c"},
        {"sid": "1"},
        {"properties": {"uid": 9}},
    ],
)
def test_update_user_needs_somebody(tracked, who):
    tracking.update_user(plan="pro", **who)
    for nobody in ({}, {"uid": ""}, {"otui": "undefined"}, {"email": None}):
        with pytest.raises(InvalidEvent, match=r"^nobody is named; pass one of uid, otui, userId, email, sid$"):
            tracking.update_user(plan="pro", **nobody)
    assert len(tracked) == 1


def test_track_url_takes_the_pages_own_examples(tracked):
    for url in (
        "https://log.leadboxer.com/?si=your-dataset-ID&ti=Please track me",
        "https://log.leadboxer.com/?si=123&action=signup&plan=premium",
        "https://log.leadboxer.com/?si=your-dataset-ID&sid=12345&uid=98765&email=j.doe@example.com",
        "https://log.leadboxer.com/?si=your-dataset-ID&sid=1&uid=2&email=j.doe@example.com&proxy=true&json&callback=cb",
    ):
        tracking.track_url(url)
    assert [wire(event) for event in tracked] == [
        {"si": "your-dataset-ID", "ti": "Please track me", "proxy": "true"},
        {"si": "123", "action": "signup", "plan": "premium", "proxy": "true"},
        {"si": "your-dataset-ID", "sid": "12345", "uid": "98765", "email": "j.doe@example.com", "proxy": "true"},
        {"si": "your-dataset-ID", "sid": "1", "uid": "2", "email": "j.doe@example.com", "proxy": "true"},
    ]


def test_track_url_keeps_its_own_id_and_dataset(tracked):
    assert tracking.track_url(f"{URL}&eid=own-id-1") == "own-id-1"
    assert tracked[0].wire["si"] == "d2"


def test_track_url_reads_what_was_never_utf_8(tracked):
    tracking.track_url(f"{URL}&name=Zo%EB")
    assert (tracked[0].wire["name"], tracked[0].wire["email"]) == ("Zoë", "a+b@c.d")


@pytest.mark.parametrize(
    ("proxy", "sent"), [("true", "true"), ("", "true"), ("yes", "true"), ("0", None), ("false", None)]
)
def test_track_url_takes_proxy_as_the_endpoint_does(tracked, proxy, sent):
    tracking.track_url(f"{URL}&proxy={proxy}", ip="192.0.2.4", user_agent="Mozilla")
    assert tracked[0].wire.get("proxy") == sent


def test_the_call_wins_over_the_url(tracked):
    tracking.track_url(URL, ti="signup", uid="8", properties={"sid": "2"}, email=None, idempotency_key="k")
    assert wire(tracked[0]) == {"si": "d2", "ti": "signup", "uid": "8", "sid": "2", "email": "a+b@c.d", "proxy": "true"}
    assert tracked[0].eid == Client(Settings(dataset_id="d2"), None).make("x", {"idempotency_key": "k"}).eid


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{URL}&na%C3%AFve=secret", "'naïve': property names are printable ASCII"),
        (f"{URL}&eid=secret", "eid: expected 6 to 128 letters"),
        (f"{URL}&x=secret\ud800", "url: not valid Unicode"),
        (f"{URL}&" + "&".join(f"n{n}=secret" for n in range(300)), "305 properties; at most 200"),
        (f"{URL}&_ua=secret", "_ua: reserved for leadrelay"),
    ],
)
def test_urls_that_cannot_be_sent(tracked, url, said):
    with pytest.raises(InvalidEvent) as caught:
        tracking.track_url(url)
    assert str(caught.value).startswith(said)
    assert "secret" not in str(caught.value)
    assert tracked == []


def test_settings_that_change_while_a_client_is_made_hold(monkeypatch):
    monkeypatch.setattr(tracking, "_client", None)
    monkeypatch.setattr(tracking, "_configured", {"mode": "off"})
    made, changing = tracking._opened, threading.Thread(target=tracking.configure, kwargs={"mode": "fake"})

    def slowly():
        old = made()
        changing.start()
        changing.join(0.2)
        return old

    monkeypatch.setattr(tracking, "_opened", slowly)
    tracking.client()
    changing.join()
    monkeypatch.setattr(tracking, "_opened", made)
    assert tracking.client().settings.mode == "fake"
