"""`inline` mode: sent in the call, to a real endpoint."""

import asyncio

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.errors import NotAccepted


@pytest.fixture
def inline(endpoint, monkeypatch):
    monkeypatch.setattr(tracking, "_configured", {})
    monkeypatch.setattr(tracking, "_client", None)
    leadrelay.configure(mode="inline", destination_url=endpoint.url, dataset_id="d", strict=True)
    return endpoint


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_event_is_at_the_endpoint_when_the_call_returns(inline, method):
    leadrelay.configure(method=method)
    eid = leadrelay.track_event("signup", uid="98765", name="Zoë & co", ip="192.0.2.4", user_agent="Mozilla/5.0")
    last = inline.last()
    assert (last["eid"], last["method"]) == (eid, method)
    assert inline.profile("98765")["name"] == "Zoë & co"


def test_from_an_event_loop_too(inline):
    eid = asyncio.run(leadrelay.atrack_event("signup"))
    assert inline.last()["eid"] == eid


@pytest.mark.parametrize(
    ("fault", "said"),
    [({"status": 503}, "answered 503"), ({"body": "<html>"}, "no event id"), ({"drop": "before"}, "cannot be reached")],
)
def test_what_the_endpoint_does_not_take_raises_where_strict(inline, fault, said, caplog):
    inline.set("faults", {"rules": [fault]})
    with pytest.raises(NotAccepted, match=said):
        leadrelay.track_event("signup")
    leadrelay.configure(strict=False)
    assert leadrelay.track_event("signup")
    assert "1 events were not sent" in caplog.text
