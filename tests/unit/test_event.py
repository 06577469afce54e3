import json
import logging

import pytest
from leadrelay import event as event_module
from leadrelay.errors import InvalidEvent
from leadrelay.event import MOST_AGENT, MOST_BYTES, MOST_NAME, MOST_PROPERTIES, Event, merged, split
from leadrelay.trackapi.proxy import TABLE


def make(title="signup", **wire):
    return Event.create(title, **{"eid": "e" * 32, "si": "d1", **wire})


@pytest.fixture
def warnings(caplog, monkeypatch):
    monkeypatch.setattr(event_module, "_reported", set())
    caplog.set_level(logging.WARNING)
    return caplog


def test_the_payload_is_the_wire_and_notes():
    made = make(userId=7, plan=None, user_agent="Mozilla", properties={"Customer ID": "é"})
    assert json.loads(made.payload()) == {
        "si": "d1",
        "ti": "signup",
        "eid": "e" * 32,
        "userId": "7",
        "Customer ID": "é",
        "proxy": "true",
        "_ua": "Mozilla",
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("naïve", "'naïve': property names are printable ASCII (page, section 4)"),
        ("", "'': property names are printable ASCII (page, section 4)"),
        (" ", "' ': property names are printable ASCII (page, section 4)"),
        ("a\nb", "'a\\nb': property names are printable ASCII (page, section 4)"),
        (7, "a property's name is a int; names are text"),
        ("json", "json: the worker reads the answer, so its form cannot be chosen here"),
        ("pix", "pix: the worker reads the answer, so its form cannot be chosen here"),
        ("callback", "callback: the worker reads the answer, so its form cannot be chosen here"),
        ("_", "_: the worker reads the answer, so its form cannot be chosen here"),
        ("_ua", "_ua: reserved for leadrelay; choose another name"),
        ("n" * (MOST_NAME + 1), f"{'n' * 40}…: a name of 101 characters; at most 100"),
        ("n" * 10**6, f"{'n' * 40}…: a name of 1000000 characters; at most 100"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_names_that_cannot_be_sent(name, said):
    for _ in range(2):
        with pytest.raises(InvalidEvent) as caught:
            make(properties={name: "x"})
        assert str(caught.value) == said


@pytest.mark.parametrize("name", ["Customer ID", "a.b-c", "_ga", "x" * MOST_NAME, "title", "lane", "user_agent", "&="])
def test_any_other_ascii_name_can(name):
    assert make(properties={name: 7}).wire[name] == "7"


def test_a_title_and_a_dataset_are_needed():
    for title in ("", " "):
        with pytest.raises(InvalidEvent, match=r"^ti: expected a text that is not blank$"):
            make(title)
    for si in (None, "", " "):
        with pytest.raises(InvalidEvent, match=r"^si: no dataset id; pass si= or set LEADRELAY_DATASET_ID$"):
            make(si=si)
    assert "ti" not in make(None).wire


@pytest.mark.parametrize("eid", ["", "e1", "a b c 1 2", "x" * 32, "1;2;3;4"])
def test_an_id_that_the_queue_or_an_answer_could_not_carry_is_refused(eid):
    with pytest.raises(InvalidEvent, match=r"^eid: expected 6 to 128 letters"):
        make(eid=eid)


def test_a_name_given_twice_is_refused():
    with pytest.raises(InvalidEvent, match=r"^plan: given twice, by name and in properties$"):
        make(plan="a", properties={"plan": "b"})
    for name in ("si", "ti", "eid"):
        with pytest.raises(InvalidEvent, match=rf"^{name}: given twice"):
            make(properties={name: "x"})
    assert make(plan=None, properties={"plan": "b"}).wire["plan"] == "b"


def test_properties_are_a_mapping():
    with pytest.raises(InvalidEvent, match=r"^properties: expected a mapping of names to values, not a list$"):
        make(properties=["secret"])
    assert merged({"a": 1, "b": None}, None, {"b": 2}) == {"a": 1, "b": 2}


def test_options_are_apart_from_parameters_of_the_same_name():
    call = {"lane": "x", "plan": "pro", "properties": {"lane": "fast", "properties": "y"}}
    assert split(call) == ({"lane": "x"}, {"plan": "pro", "lane": "fast", "properties": "y"})


def test_too_large_names_the_largest_property():
    assert len(make(blob="x" * (MOST_BYTES - 200)).payload()) <= MOST_BYTES
    with pytest.raises(InvalidEvent, match=rf"^blob: the event has \d+ bytes; at most {MOST_BYTES}$"):
        make(blob="x" * MOST_BYTES, plan="pro")


def test_too_many_properties_are_refused_before_they_are_looked_at():
    class Untouched:
        def __str__(self):
            raise AssertionError

    with pytest.raises(InvalidEvent, match=rf"^1000003 properties; at most {MOST_PROPERTIES}$"):
        make(properties={str(n): Untouched() for n in range(10**6)})
    assert len(make(properties={str(n): n for n in range(MOST_PROPERTIES - 3)}).wire) == MOST_PROPERTIES + 1


def test_near_misses_and_odd_values_are_reported_once_and_without_value(warnings):
    for _ in range(2):
        make(user_id="secret-user", ip="secret-address")
    assert sorted(record.getMessage() for record in warnings.records) == [
        "property ip: not an IP address",
        "property user_id: not a parameter of the Track API; did you mean userId?",
    ]


def test_endless_new_names_neither_fill_the_memory_nor_silence_the_known_ones(warnings, monkeypatch):
    monkeypatch.setattr(event_module, "MOST_REPORTED", 50)
    for n in range(100):
        make(properties={f"name {n}": 1})
    assert len(event_module._reported) == 50
    make(ip="nowhere", user_id="7")
    assert [record.getMessage() for record in warnings.records] == ["property ip: not an IP address"]


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_proxy_is_sent_as_the_table_says(row):
    visitor = {"ip": "192.0.2.4", "user_agent": "Mozilla"} if row.visitor else {}
    for made in (make(proxy=row.asked, **visitor), make(default_proxy=row.asked, **visitor)):
        assert made.wire.get("proxy") == ("true" if row.sent else None)


def test_half_a_visitor_is_none():
    assert make(ip="192.0.2.4").wire["proxy"] == "true"
    assert make(user_agent="Mozilla").wire["proxy"] == "true"
    assert make(ip="", user_agent="Mozilla").wire["proxy"] == "true"


def test_proxy_has_three_values():
    assert "proxy" not in make(proxy=False).wire
    assert make(proxy=True).wire["proxy"] == "true"
    for odd in ({"proxy": "maybe"}, {"default_proxy": "maybe"}):
        with pytest.raises(InvalidEvent, match=r"^proxy: expected true, false or auto$"):
            make(**odd)


def test_a_visitors_user_agent_is_made_fit_and_never_refuses_an_event():
    assert make(user_agent="Mozilla\r\nX: y\0\ud800é").wire["_ua"] == "MozillaX: yé"
    assert len(make(user_agent="x" * 10**6).wire["_ua"]) == MOST_AGENT
    assert "_ua" not in make(user_agent="\0").wire
    with pytest.raises(InvalidEvent, match=r"^user_agent: expected text, not a bytes$"):
        make(user_agent=b"secret")


def test_repr_shows_no_property():
    assert "secret" not in repr(make(email="secret@example.com"))


def test_lane_override():
    assert make(userId="7", lane=False).lane("k") == ""
    assert make(userId="7", lane=True).lane("k") == make(userId="7").lane("k")
    assert make(lane="order-1").lane("k") != ""
    assert make(userId="7", lane=1).lane("k") == make(userId="8", lane="1").lane("k")
    with pytest.raises(InvalidEvent, match=r"^lane: a value of type list"):
        make(lane=["secret"])


def received(**wire):
    return Event.received({"si": "d", "eid": "e-42-abc", **wire}, "Mozilla/5.0")


def test_a_received_event_stays_as_it_is():
    wire = {"ti": "", "proxy": "0", "städt": "Delft", "": "x", "n" * 200: "1", "pix": "1"}
    event = received(**wire)
    assert event.wire == {"si": "d", "eid": "e-42-abc", **wire, "_ua": "Mozilla/5.0"}
    assert json.loads(event.payload()) == event.wire
    assert event.lane("") == received().lane("") == ""
    assert received(userId="u").lane("") != ""
    assert Event.received({"si": "d", "eid": "e-42-abc"}, "").wire["_ua"] == ""


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ({"si": " "}, r"^si: no dataset id$"),
        ({"eid": "1"}, r"^eid: expected"),
        ({"eid": "e 42 abc"}, r"^eid: expected"),
        ({"_ua": "x"}, r"^_ua: reserved"),
        ({"x": "y" * 70_000}, r"^x: the event has \d+ bytes"),
    ],
)
def test_a_received_event_that_could_not_be_delivered(wire, reason):
    with pytest.raises(InvalidEvent, match=reason):
        received(**wire)
