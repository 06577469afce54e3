import logging

import pytest
from leadrelay import Drop
from leadrelay.client import Client
from leadrelay.errors import ConfigurationError, InvalidEvent
from leadrelay.settings import Settings

from leadrelay import configure, modes, tracking  # isort: skip


@pytest.fixture
def fake(monkeypatch):
    """Give what was tracked in fake mode."""
    monkeypatch.setattr(modes, "recorded", [])
    monkeypatch.setattr(tracking, "_configured", {})
    monkeypatch.setattr(tracking, "_client", None)
    configure(mode="fake", dataset_id="d1", strict=True)
    return modes.recorded


def wires(events):
    return [{name: value for name, value in event.wire.items() if name not in ("eid", "si")} for event in events]


def test_fake_mode_keeps_events_in_memory(fake):
    eid = tracking.track_event("a", userId=7)
    assert [event.eid for event in fake] == [eid]
    assert wires(fake) == [{"ti": "a", "userId": "7", "proxy": "true"}]


def test_a_hook_changes_events_in_place_or_by_what_it_returns(fake):
    configure(before_track=lambda wire: wire.update(plan="pro"))
    eid = tracking.track_event("a", email="ann@example.com", user_agent="Mozilla", ip="192.0.2.4")
    configure(before_track=lambda wire: {name: value for name, value in wire.items() if name != "email"})
    tracking.track_event("b", email="ann@example.com", lane=False)
    assert fake[0].eid == eid
    assert wires(fake) == [
        {"ti": "a", "email": "ann@example.com", "ip": "192.0.2.4", "plan": "pro", "_ua": "Mozilla"},
        {"ti": "b", "proxy": "true"},
    ]
    assert fake[1].lane("") == ""


def test_a_hook_drops_with_a_reason(fake, caplog):
    configure(before_track=lambda wire: Drop("a bot") if wire["ti"] == "bot" else None)
    with caplog.at_level(logging.INFO):
        eid = tracking.track_event("bot")
    tracking.track_event("a")
    assert f"event {eid} dropped by before_track: a bot" in caplog.text
    assert [wire["ti"] for wire in wires(fake)] == ["a"]


def _failing(wire):
    raise RuntimeError(wire["email"])


@pytest.mark.parametrize("hook", [_failing, lambda _: {"x": []}, lambda _: 7, "no.such:hook", "json:loads"])
def test_what_goes_wrong_in_a_hook_does_not_reach_the_caller(fake, caplog, hook):
    configure(before_track=hook)
    for _ in range(2):
        tracking.track_event("a", email="ann@example.com")
    assert len(fake) == 2
    assert wires(fake)[0]["email"] == "ann@example.com"
    assert caplog.text.count("before_track failed") == 1
    assert "ann" not in caplog.text


def test_a_hook_by_its_path(fake):
    configure(before_track="tests.unit.test_hook:renamed")
    tracking.track_event("a")
    assert wires(fake)[0]["ti"] == "renamed"


def renamed(wire):
    return {**wire, "ti": "renamed"}


def test_default_properties_stand_under_those_of_the_call():
    here = Client(Settings(dataset_id="d1", default_properties={"plan": "free", "si": "d9", "x": 1}))
    made = here.make("a", {"plan": "pro"})
    assert (made.wire["plan"], made.wire["x"], made.wire["si"]) == ("pro", "1", "d9")


def test_only_allowed_datasets():
    here = Client(Settings(dataset_id="d1", allowed_datasets=frozenset({"d1"})))
    assert here.make("a", {})
    with pytest.raises(InvalidEvent, match=r"^si: not one of LEADRELAY_ALLOWED_DATASETS$"):
        here.make("a", {"si": "secret"})


def test_configure_knows_its_names(fake):
    with pytest.raises(ConfigurationError, match=r"^stric: no such setting"):
        configure(stric=True)


def test_configured_values_win_over_the_environment(monkeypatch, fake):
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d2")
    tracking.track_event("a")
    assert fake[0].wire["si"] == "d1"


def test_a_wrong_event_is_recorded_as_refused_where_not_strict(fake):
    configure(strict=False)
    tracking.track_many([{"ti": "a"}, {"ti": "b", "x": []}, 7])
    assert ["_invalid" in event.wire for event in fake] == [False, True, True]
