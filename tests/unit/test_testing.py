from __future__ import annotations

import os

import leadrelay
import pytest
from leadrelay import InvalidEvent
from leadrelay.testing import DATASET, fake


def test_it_records_what_was_tracked_in_order_and_sends_nothing():
    with fake() as tracked:
        eid = leadrelay.track_event("cart_filled", userId="42", properties={"Customer ID": 7})
        leadrelay.update_user(userId="42", plan="pro")
    assert [event.wire["ti"] for event in tracked.events] == ["cart_filled", "user_updated"]
    assert tracked.events[0].eid == eid
    assert tracked.events[0].wire["si"] == DATASET


def test_an_assertion_gives_the_event_or_says_what_was_tracked_instead():
    with fake() as tracked:
        leadrelay.track_event("invoice_paid", userId="42", amount=99.5)
        leadrelay.track_event("invoice_paid", userId="43", amount=1)
    assert tracked.assert_tracked("invoice_paid", userId=42).wire["amount"] == "99.5"
    tracked.assert_tracked("invoice_paid", times=2)
    tracked.assert_not_tracked("invoice_paid", userId="44")
    with pytest.raises(AssertionError, match=r"expected 'invoice_paid' userId='44' at least once, found 0; tracked: "):
        tracked.assert_tracked("invoice_paid", userId="44")
    with pytest.raises(AssertionError, match="1 times, found 2"):
        tracked.assert_tracked("invoice_paid", times=1)
    with pytest.raises(AssertionError, match="expected no 'invoice_paid'"):
        tracked.assert_not_tracked("invoice_paid")
    with pytest.raises(AssertionError, match="expected no event"):
        tracked.assert_nothing_tracked()


def test_a_wrong_event_raises_and_is_not_recorded():
    with fake() as tracked:
        with pytest.raises(InvalidEvent):
            leadrelay.track_event("x" * 100_000)
        tracked.assert_nothing_tracked()


def test_blocks_nest_and_leave_the_settings_as_they_were(monkeypatch):
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d")
    with fake() as outer:
        with fake(default_properties={"plan": "pro"}) as inner:
            leadrelay.track_event("a")
        leadrelay.track_event("b")
    assert [event.wire.get("plan") for event in (*inner.events, *outer.events)] == ["pro", None]
    assert [event.wire["ti"] for event in outer.events] == ["b"]
    assert outer.events[0].wire["si"] == "d"
    assert leadrelay.tracking.client().settings.mode == "live"


def test_a_forked_child_records_for_itself():
    with fake() as tracked:
        child = os.fork()
        if not child:
            leadrelay.track_event("in the child")
            os._exit(0 if len(tracked.events) == 1 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        tracked.assert_nothing_tracked()
