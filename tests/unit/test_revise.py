import json

import pytest
from leadrelay.client import Client
from leadrelay.errors import InvalidEvent
from leadrelay.queue.letter import DeadLetter
from leadrelay.queue.message import Message
from leadrelay.revise import editable, revise
from leadrelay.settings import Settings

EID = "e" * 32
LANE = "1" * 16
WIRE = {"si": "d1", "ti": "signup", "userId": "7", "eid": EID, "_ua": "Mozilla"}
CLIENT = Client(Settings(dataset_id="default"), None)


def letter(payload):
    message = Message(1, EID, LANE, "s", "l", 0, 0, 1, 1, 0, 0, 0, stale=False, history=(), payload=payload)
    return DeadLetter(message, "rejected", 0)


EVENT = letter(json.dumps(WIRE).encode())


def wire_of(entry):
    return json.loads(entry.payload)


def test_the_eid_is_not_offered():
    assert editable(EVENT) == {name: value for name, value in WIRE.items() if name != "eid"}


def test_an_edit_keeps_the_eid_the_agent_and_what_was_said_of_proxy():
    entry = revise(EVENT, editable(EVENT) | {"plan": "premium"}, CLIENT)
    assert wire_of(entry) == WIRE | {"plan": "premium"}
    assert entry.eid == EID


def test_the_lane_is_kept_unless_it_is_another_person():
    assert revise(EVENT, editable(EVENT) | {"ti": "login"}, CLIENT).lane == LANE
    assert revise(EVENT, editable(EVENT) | {"userId": "8"}, CLIENT).lane not in (LANE, "")
    assert revise(EVENT, editable(EVENT) | {"si": "d2"}, CLIENT).lane not in (LANE, "")


def test_dataset_and_title_can_be_edited_and_the_eid_cannot():
    entry = revise(EVENT, editable(EVENT) | {"si": "d2", "ti": "login"}, CLIENT)
    assert (wire_of(entry)["si"], wire_of(entry)["ti"]) == ("d2", "login")
    assert revise(EVENT, WIRE, CLIENT).eid == EID
    with pytest.raises(InvalidEvent, match="stays the same"):
        revise(EVENT, WIRE | {"eid": "f" * 32}, CLIENT)


@pytest.mark.parametrize(("wrong", "said"), [({"x": []}, "x"), ({"json": "1"}, "json"), ({"ü": "1"}, "ASCII")])
def test_an_edit_is_checked_like_a_producers_event(wrong, said):
    with pytest.raises(InvalidEvent, match=said):
        revise(EVENT, editable(EVENT) | wrong, CLIENT)


def test_what_a_celery_call_meant_is_offered():
    body = json.dumps([["signup"], {"userId": "7", "x": [1]}, {}])
    raw = json.dumps({"body": body, "headers": {"task": "track_event"}}).encode()
    assert editable(letter(raw)) == {"ti": "signup", "userId": "7", "x": [1]}
    entry = revise(letter(raw), {"ti": "signup", "userId": "7"}, CLIENT)
    assert wire_of(entry) == {"si": "default", "ti": "signup", "userId": "7", "eid": EID, "proxy": "true"}
    assert entry.lane not in (LANE, "")


@pytest.mark.parametrize("raw", [b"\xff", b"rubbish", b"[]", b'{"body": 1}'])
def test_what_says_nothing_starts_empty(raw):
    assert editable(letter(raw)) == {}
