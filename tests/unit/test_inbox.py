import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from leadrelay.errors import InvalidEvent
from leadrelay.ids import derived_eid
from leadrelay.inbox import call_of, judge
from leadrelay.queue.message import Entry

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def make_entry(title, wire, eid):
    if not title:
        raise InvalidEvent("ti: missing")
    return Entry(eid, "", "scope", json.dumps({"ti": title, **wire}).encode())


def raw(args=("signup",), kwargs=None, encoding="base64", **headers):
    body = json.dumps([args, kwargs or {}, {}]).encode()
    headers = {"task": "track_event", "id": "b" * 32, "argsrepr": "secret", **headers}
    properties = {"body_encoding": encoding} if encoding else {}
    text = base64.b64encode(body).decode() if encoding == "base64" else body.decode()
    return json.dumps({"body": text, "headers": headers, "properties": properties}).encode()


@pytest.mark.parametrize("encoding", ["base64", None])
def test_a_stock_message_is_ready(encoding):
    adoption = judge(raw(kwargs={"userId": "7"}, encoding=encoding), make_entry, NOW)
    assert adoption.kind == "ready"
    assert json.loads(adoption.entry.payload) == {"ti": "signup", "userId": "7"}
    assert adoption.entry.eid == "b" * 32


@pytest.mark.parametrize(
    ("task_id", "eid"),
    [
        ("BBBBBBBB-bbbb-bbbb-bbbb-bbbbbbbbbbbb", "b" * 32),
        ("invoice-7", "invoice7"),
        ("order 7;x", derived_eid("celery", "order 7;x")),
        ("x" * 200, derived_eid("celery", "x" * 200)),
    ],
)
def test_the_event_id_belongs_to_the_task_id(task_id, eid):
    assert judge(raw(id=task_id), make_entry, NOW).entry.eid == eid


def test_a_message_without_an_id_is_known_by_its_bytes():
    assert judge(raw(id=None), make_entry, NOW).entry.eid == hashlib.sha256(raw(id=None)).hexdigest()[:32]


def test_one_mapping_is_taken_too():
    assert judge(raw(args=[{"ti": "signup", "plan": "pro"}]), make_entry, NOW).kind == "ready"


@pytest.mark.parametrize(
    ("message", "kind", "argument"),
    [
        (b"\xff\xfe not json", "dead", "malformed"),
        (b"[1,2]", "dead", "malformed"),
        (b"{}", "dead", "malformed"),
        (raw(task="other.task"), "dead", "unknown_task"),
        (raw(args=[]), "dead", "invalid"),
        (raw(args=["a", "b"]), "dead", "invalid"),
        (raw(eta="yesterday"), "dead", "invalid"),
        (raw(expires="2025-12-31T23:59:59+00:00"), "dropped", "expires"),
        (raw(eta="2026-01-01T00:00:10+00:00"), "scheduled", "1767225610000"),
        (raw(eta="2025-01-01T00:00:10"), "ready", ""),
    ],
)
def test_each_message_ends_somewhere(message, kind, argument):
    adoption = judge(message, make_entry, NOW)
    assert (adoption.kind, adoption.argument) == (kind, argument)


def test_a_dead_letter_keeps_the_bytes():
    assert judge(b"\xff\x00", make_entry, NOW).entry.payload == b"\xff\x00"


@pytest.mark.parametrize("message", [b"\xff\x00", b"{}", b"[" * 100_000, raw(args=["a", "b"])])
def test_what_is_no_call_has_no_parameters(message):
    assert call_of(message) == {}
