import json
import logging
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay import event as event_module
from leadrelay.errors import InvalidEvent
from leadrelay.event import Event
from leadrelay.trackapi.proxy import TABLE


def make(title="signup", **wire):
    return Event.create(title, **{"eid": "e" * 32, "si": "d1", **wire})


class Plan(Enum):
    PRO = "pro"


class Model:
    pass


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (7, "7"),
        (Decimal("9.90"), "9.90"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (Plan.PRO, "pro"),
        ("", ""),
    ],
)
def test_values_have_one_text(value, text):
    assert make(x=value).wire["x"] == text


def test_none_is_left_out():
    assert "x" not in make(x=None).wire


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, [1], (1,), {1}, b"x", Model(), float("nan"), datetime(2026, 1, 2), ValueError("secret")],  # noqa: DTZ001
)
def test_values_without_one_text_are_refused_by_name(value):
    with pytest.raises(InvalidEvent, match=r"^plan: ") as caught:
        make(plan=value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["naïve", "", " ", "a\nb", "json", "pix", "callback", "_ua"])
def test_names_that_cannot_be_sent(name):
    with pytest.raises(InvalidEvent):
        make(properties={name: "x"})


def test_names_with_spaces_are_in_use():
    assert make(properties={"Customer ID": 7}).wire["Customer ID"] == "7"


def test_a_title_and_a_dataset_are_needed():
    with pytest.raises(InvalidEvent, match="ti"):
        make(title="")
    with pytest.raises(InvalidEvent, match="si"):
        make(si=None)


def test_too_large_names_the_largest_property():
    with pytest.raises(InvalidEvent, match=r"^blob: "):
        make(blob="x" * 70_000).payload()


def test_near_misses_are_reported_once_and_without_value(caplog, monkeypatch):
    monkeypatch.setattr(event_module, "_reported", set())
    with caplog.at_level(logging.WARNING):
        make(user_id="secret-user")
        make(user_id="secret-user")
    assert [record.getMessage() for record in caplog.records] == [
        "property user_id: not a parameter of the Track API; did you mean userId?"
    ]


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_proxy_is_sent_as_the_table_says(row):
    visitor = {"ip": "192.0.2.4", "user_agent": "Mozilla"} if row.visitor else {}
    for made in (make(proxy=row.asked, **visitor), make(default_proxy=row.asked, **visitor)):
        assert made.wire.get("proxy") == ("true" if row.sent else None)


def test_an_address_without_a_user_agent_is_no_visitor():
    assert make(ip="192.0.2.4").wire["proxy"] == "true"


def test_proxy_has_three_values():
    assert "proxy" not in make(proxy=False).wire
    with pytest.raises(InvalidEvent, match=r"^proxy: "):
        make(proxy="maybe")


def test_repr_shows_no_property():
    assert "secret" not in repr(make(email="secret@example.com"))


def test_lane_override():
    assert make(userId="7", lane=False).lane("k") == ""
    assert make(lane="order-1").lane("k") != ""
    assert make(userId="7", lane="x").lane("k") == make(userId="8", lane="x").lane("k")


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{9,12}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=50), max_size=5
    )
)
def test_the_payload_is_the_wire(properties):
    made = make(properties=properties)
    assert json.loads(made.payload()) == dict(made.wire)


def test_half_of_a_surrogate_pair_is_refused_by_name():
    with pytest.raises(InvalidEvent, match=r"^name: "):
        make(name="\ud800").payload()
