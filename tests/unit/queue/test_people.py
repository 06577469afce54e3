import json

import pytest
from leadrelay.queue.message import Message
from leadrelay.queue.people import _match, needle
from leadrelay.queue.selection import names


def _raw(**wire):
    payload = json.dumps({"si": "d1", "ti": "signup", **wire}, ensure_ascii=False).encode()
    return b"1 7 e1 - 11111111 abcde 1 0 0 0 0 0 0 0 -\n" + payload


@pytest.mark.parametrize(
    ("wire", "user"),
    [
        ({"userId": "42"}, "42"),
        ({"uid": "1606468777834.459913894"}, "1606468777834.459913894"),
        ({"email": "Ann.Lee@Example.com"}, " ann.lee@example.com"),
        ({"email": "JÜRGEN@example.com"}, "jürgen@example.com"),
        ({"userId": 'a "quoted" \\ id'}, 'a "quoted" \\ id'),
        ({"userId": "李雷"}, "李雷"),
        ({"otui": "459913894.1606468777834.1.2.3.4"}, "1606468777834.459913894"),
    ],
    ids=str,
)
def test_who_is_named_is_found_in_the_bytes(wire, user):
    assert names({"si": "d1", **wire}, user)
    held = _match("ready", _raw(**wire), user, needle(user))
    assert (held.state, held.message.seq, held.title) == ("ready", 7, "signup")
    assert "42" not in repr(Message.parse(_raw(**wire)))


def test_others_are_not():
    assert _match("ready", _raw(userId="421"), "42", needle("42")) is None
    assert _match("ready", b"no message 42", "42", needle("42")) is None
