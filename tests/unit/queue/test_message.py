import pytest
from leadrelay.queue.message import Attempt, Entry, Message, UnreadableMessageError

RAW = b'1 7 abc - 11111111 Ab-_9 1764000000000 5 2 1 0 3 2 1 1:1:transient:503:9;2:2:accepted:200:4\n{"secret":"x"}'


def test_a_message_is_read():
    message = Message.parse(RAW)
    assert (message.seq, message.eid, message.lane, message.attempts, message.revision) == (7, "abc", "", 1, 3)
    assert (message.replays, message.stale, message.gave_way) == (2, True, False)
    gave_way = Message.parse(RAW.replace(b" 2 1 1:1:", b" 2 2 1:1:"))
    assert (gave_way.stale, gave_way.gave_way) == (False, True)
    assert (message.scope, message.label) == ("11111111", "Ab-_9")
    assert len(message.history) == 2
    assert message.payload == b'{"secret":"x"}'


@pytest.mark.parametrize("raw", [b"", b"x\ny", b"2" + RAW[1:], RAW.replace(b" 7 ", b" x "), RAW.replace(b"\n", b" ")])
def test_what_is_not_a_message_is_said(raw):
    with pytest.raises(UnreadableMessageError):
        Message.parse(raw)


def test_nothing_of_the_event_shows():
    assert "secret" not in repr(Message.parse(RAW))
    assert "secret" not in repr(Entry("e", "", "s", b"secret"))


def test_an_attempt_is_read_from_its_entry():
    assert Attempt.parse("5:2:transient?:timeout:8000") == Attempt(5, 2, "transient", True, "timeout", 8000)
    assert Attempt.parse("5:2:accepted:http_200:3").unknown is False
    assert Attempt.parse("nonsense") is None
    assert Attempt.parse("a:b:c:d:e") is None
