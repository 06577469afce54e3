import re
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.trackapi.answers import parse_answer
from leadrelay.trackapi.forms import encode
from leadrelay.trackapi.parameters import PARAMETERS, near_miss

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(st.dictionaries(st.from_regex(r"[A-Za-z][A-Za-z ]{0,10}", fullmatch=True), TEXT, max_size=6))
def test_decoding_gives_back_what_was_encoded(wire):
    assert dict(parse_qsl(encode(wire), keep_blank_values=True)) == wire


def test_private_notes_stay_here_and_plus_survives():
    assert encode({"email": "a+b@c.d", "_ua": "Mozilla"}) == "email=a%2Bb%40c.d"


@pytest.mark.parametrize(
    ("body", "eid"),
    [
        (b"0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"),
        (b"1783024862163.757717719\n", "1783024862163.757717719"),
        (b'"abcdef12"', "abcdef12"),
        (b'{"eid": "abcdef12"}', "abcdef12"),
        (b'{"event_id": "abcdef12"}', "abcdef12"),
        (b"<html><body>Sign in</body></html>", None),
        (b"Not found here", None),
        (b"", None),
        (b'{"eid": 7}', None),
        (b'{"broken', None),
        (b"\xff\xfe", None),
    ],
)
def test_answers(body, eid):
    assert parse_answer(body) == eid


@pytest.mark.parametrize(
    ("name", "meant"),
    [("user_id", "userId"), ("userid", "userId"), ("Email", "email"), ("plan", None), ("userId", None)],
)
def test_near_misses(name, meant):
    assert near_miss(name) == meant


PAGE = (
    """si ti eid sid uid proxy browser browserVersion eh ew ip lc locale otor otpe otr platform pix ref sc sh sw tz"""
)


def test_the_pages_table_is_whole():
    assert set(re.findall(r"\w+", PAGE)) <= set(PARAMETERS)
