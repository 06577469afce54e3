import pytest
from leadrelay.queue.letter import DeadLetter
from leadrelay.queue.message import Message
from leadrelay.queue.selection import Selection, described, hashed, id_of, names, read_filters


def letter(payload=b'{"si":"d","ti":"signup","userId":"7"}', reason="rejected", died_ms=1000):
    message = Message(1, "e" * 32, "", "s", "l", 0, 0, 1, 1, 0, 0, 0, stale=False, history=(), payload=payload)
    return DeadLetter(message, reason, died_ms)


@pytest.mark.parametrize(
    ("wire", "user", "found"),
    [
        ({"uid": "160.5"}, "160.5", True),
        ({"userId": "42"}, " 42 ", True),
        ({"userId": "AbC"}, "abc", False),
        ({"email": " Ann@Example.com"}, "ann@example.COM ", True),
        ({"sid": "9.9"}, "9.9", True),
        ({"otui": "5.160.1.1.1.1"}, "160.5", True),
        ({"otui": "5.160.1.1.1.1"}, "5.160.1.1.1.1", True),
        ({"otui": "rubbish"}, "160.5", False),
        ({"plan": "42"}, "42", False),
        ({}, "42", False),
    ],
)
def test_a_user_is_named_by_any_identity(wire, user, found):
    assert names(wire, user) is found


def test_an_empty_identity_names_nobody():
    assert not names({"userId": "", "email": "", "otui": ""}, "x")
    assert not names({"userId": "", "otui": "rubbish"}, "")


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), True),
        (Selection(reason="rejected", title="signup", user="7", since_ms=1000, until_ms=1001), True),
        (Selection(reason="expired"), False),
        (Selection(title="login"), False),
        (Selection(user="8"), False),
        (Selection(since_ms=1001), False),
        (Selection(until_ms=1000), False),
    ],
)
def test_all_filters_must_match(selection, found):
    assert selection.matches(letter()) is found


def test_what_is_no_event_matches_no_title_and_no_user():
    assert not Selection(title="signup").matches(letter(b"rubbish"))
    assert not Selection(user="7").matches(letter(b"rubbish"))
    assert Selection(reason="rejected").matches(letter(b"rubbish"))


def test_a_user_is_never_shown():
    assert "secret" not in repr(Selection(user="secret"))
    assert "secret" not in hashed("secret", "")
    assert hashed("Ann ", "k") == hashed("ann", "k") != hashed("ann", "other")


def test_filters_are_read_as_people_write_them():
    selection = read_filters({"reason": "refused", "since": "2h", "until": "1970-01-01T00:00:05Z"}, 10_000_000)
    assert (selection.reason, selection.since_ms, selection.until_ms) == ("refused", 10_000_000 - 7_200_000, 5000)
    with pytest.raises(ValueError, match="until: write a length"):
        read_filters({"until": "tomorrow"}, 0)


def test_a_filter_is_said_without_who_it_is_about():
    said = described({"user": "ann@example.com", "reason": "refused"}, 5, "secret")
    assert said == f"reason=refused user={hashed('ann@example.com', 'secret')} limit=5"
    assert described({}, None, "secret") == "all"
    assert id_of(said) == id_of(said) != id_of("all")
