import json
import re
from uuid import UUID

import pytest
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.ids import derived_eid
from leadrelay.settings import Settings


def client(**settings):
    return Client(Settings(**{"dataset_id": "d1", **settings}), None)


def wire_of(event):
    return json.loads(event.payload())


def test_an_id_is_made_unless_the_call_or_the_caller_has_one():
    assert re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{19}", client().make("a", {}).eid)
    assert client().make("a", {}, "f" * 32).eid == "f" * 32
    assert client().make("a", {"eid": "own-id-1"}, "f" * 32).eid == "own-id-1"
    assert client().make("a", {"properties": {"eid": UUID(int=7)}}).eid == str(UUID(int=7))
    assert client().make("a", {"eid": ""}, "f" * 32).eid == "f" * 32


def test_an_idempotency_key_derives_the_id_from_dataset_and_key():
    made = client().make("a", {"idempotency_key": "order-7"}, "f" * 32)
    assert made.eid == derived_eid("d1", "order-7") == client().make("b", {"idempotency_key": "order-7"}).eid
    assert client().make("a", {"idempotency_key": 7}).eid == client().make("a", {"idempotency_key": "7"}).eid
    assert client().make("a", {"idempotency_key": "order-7", "si": "d2"}).eid != made.eid
    assert "idempotency_key" not in wire_of(made)


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        ({"idempotency_key": ""}, "idempotency_key: empty, so that all such events would be one"),
        ({"idempotency_key": " "}, "idempotency_key: empty, so that all such events would be one"),
        ({"idempotency_key": ["secret"]}, "idempotency_key: a value of type list has no form"),
        ({"idempotency_key": "k\ud800"}, "idempotency_key: not valid Unicode"),
        ({"idempotency_key": "k", "eid": "own-id-1"}, "eid and idempotency_key: pass one of them"),
        ({"eid": "a secret"}, "eid: expected 6 to 128 letters"),
    ],
)
def test_ids_that_would_go_wrong_are_refused(wire, said):
    with pytest.raises(InvalidEvent) as caught:
        client().make("a", wire)
    assert str(caught.value).startswith(said)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("wire", [{}, {"si": None}, {"si": ""}, {"properties": {"si": ""}}])
def test_the_dataset_of_the_settings_is_the_default(wire):
    assert client().make("a", wire).wire["si"] == "d1"
    with pytest.raises(InvalidEvent, match=r"^si: no dataset id"):
        client(dataset_id=None).make("a", wire)


def test_the_dataset_of_the_call_wins():
    assert client(dataset_id=None).make("a", {"si": "d2"}).wire["si"] == "d2"
    assert client().make("a", {"properties": {"si": "d2"}}).wire["si"] == "d2"


@pytest.mark.parametrize(
    ("setting", "asked", "sent"), [("false", None, None), ("true", None, "true"), ("true", False, None)]
)
def test_proxy_of_the_call_before_that_of_the_settings(setting, asked, sent):
    assert client(proxy=setting).make("a", {"proxy": asked}).wire.get("proxy") == sent


@pytest.mark.parametrize("name", ["title", "default_proxy", "eid ", "self", "cls", "wire"])
def test_no_name_of_ours_is_in_the_way_of_a_property(name):
    assert client().make("a", {name: "x"}).wire[name] == "x"


def test_the_entry_names_nobody():
    entry = client(lane_secret="k").entry(client().make("a", {"email": "ann@example.com"}))
    assert re.fullmatch("[0-9a-f]{16}", entry.lane)
    assert client(lanes=False).entry(client().make("a", {"email": "ann@example.com"})).lane == ""
