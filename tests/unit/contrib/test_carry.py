import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.contexts import context
from leadrelay.contrib.carry import MOST_BYTES, packed, unpacked
from leadrelay.event import Event


def test_values_travel_as_the_wire_has_them():
    found = {"userId": 42, "paid": True, "uid": "a.1", "lane": False, "rate": 9.5, "none": None, "list": [1]}
    assert packed(found) == {"userId": "42", "paid": "true", "uid": "a.1", "lane": False, "rate": "9.5"}


def test_what_is_too_much_is_left_out_and_said(caplog):
    found = {"note": "x" * 3000, "short": "y", "lc": "https://a.b/" + "z" * 2000, "uid": "a.1", "ip": "192.0.2.4"}
    with caplog.at_level(logging.WARNING):
        assert packed(found) == {name: found[name] for name in ("uid", "ip", "lc", "short")}
    assert "context: note and what is longer does not travel" in caplog.text
    assert "xxx" not in caplog.text


@pytest.mark.parametrize("carried", [None, "x", 7, [["uid", "a"]], {"uid": 7}, {"uid": None}, {"uid": {"a": "b"}}])
def test_anything_else_is_no_context(carried):
    assert unpacked(carried) == {}


def test_an_events_own_names_do_not_arrive():
    assert unpacked({"eid": "own-id-1", "ti": "x", "idempotency_key": "k", "uid": "a.1"}) == {"uid": "a.1"}


NAMES = st.text(min_size=1, max_size=30) | st.sampled_from(["uid", "userId", "lc", "ip", "lane", "user_agent"])
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3000)


@given(st.dictionaries(NAMES, VALUES, max_size=20))
def test_what_travels_is_json_and_bounded(found):
    carried = packed(found)
    text = json.dumps(carried)
    assert len(text) <= MOST_BYTES
    assert set(carried) <= set(found)
    assert unpacked(json.loads(text)) == {
        name: value for name, value in carried.items() if name not in {"ti", "eid", "idempotency_key"}
    }


def test_what_arrives_applies_to_events():
    with context(properties=unpacked(packed({"userId": 42, "user_agent": "Mozilla", "ip": "192.0.2.4"}))):
        assert context.current() == {"userId": "42", "user_agent": "Mozilla", "ip": "192.0.2.4"}
    Event.create("t", eid="f" * 32, si="d1", **unpacked(packed({"lane": False, "plan": "pro"})))
