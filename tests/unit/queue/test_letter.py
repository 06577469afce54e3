import pytest
from leadrelay.queue.letter import broken_letter, parse_dead, read_history
from leadrelay.queue.message import UnreadableMessageError, wire_of

RECORD = (
    b"1764000000000 rejected\n"
    b"1 7 abc - 11111111 Ab-_9 1764000000000 5 2 1 0 3 2 0 1:1:transient:http_503:9;2:2:rejected:http_400:4\n"
    b'{"si":"d","ti":"signup","email":"secret"}'
)


def test_a_record_is_read():
    letter = parse_dead(RECORD)
    assert (letter.reason, letter.died_ms, letter.title) == ("rejected", 1764000000000, "signup")
    assert (letter.message.revision, letter.message.replays) == (3, 2)
    assert letter.last_outcome == "rejected http_400"
    assert letter.content() == {"event": {"si": "d", "ti": "signup", "email": "secret"}}
    assert "secret" not in repr(letter)


@pytest.mark.parametrize("record", [b"", b"x rejected\n", RECORD.replace(b"1 7 abc", b"2 7 abc")])
def test_what_is_no_record_is_said(record):
    with pytest.raises(UnreadableMessageError):
        parse_dead(record)


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        (b'{"ti":"x"}', {"json": {"ti": "x"}}),
        (b'{"si":"d","n":1}', {"json": {"si": "d", "n": 1}}),
        (b"text", {"text": "text"}),
        (b"\xff\x00", {"hex": "ff00"}),
    ],
)
def test_what_is_no_event_is_shown_as_it_is(payload, content):
    record = RECORD.partition(b"{")[0] + payload
    letter = parse_dead(record)
    assert letter.wire is None
    assert letter.title == ""
    assert letter.content() == content


def test_a_broken_record_is_no_event_even_if_it_looks_like_one():
    letter = broken_letter(7, b'{"si":"d","ti":"x"}', 5)
    assert (letter.wire, letter.reason, letter.message.seq, letter.last_outcome) == (None, "unreadable", 7, "")


def test_history_is_read_and_what_is_not_of_its_form_left_out():
    history = ("1:1:transient:http_503:9", "nonsense", "2:2:accepted?:http_200:x")
    assert read_history(history) == [{"at_ms": 1, "attempt": 1, "outcome": "transient", "reason": "http_503", "ms": 9}]


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"1", b"{}", b'{"si":""}', b'{"si":"d","x":null}', b'{"si":"d","x":"\\ud800"}', b'{"si":7}', b"\xff"],
)
def test_what_is_no_event(payload):
    assert wire_of(payload) is None
