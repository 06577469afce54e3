import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.trackapi.answers import GIF, is_event_id, parse_answer, render_answer

EID = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("params", "content_type", "body"),
    [
        ({}, "text/plain; charset=utf-8", EID),
        ({"json": ""}, "application/json", f'{{"eid": "{EID}"}}'),
        ({"json": "true"}, "application/json", f'{{"eid": "{EID}"}}'),
        ({"json": "", "callback": "cb"}, "application/javascript; charset=utf-8", f'cb({{"eid": "{EID}"}});'),
        ({"callback": "a.b_$1"}, "application/javascript; charset=utf-8", f'a.b_$1({{"eid": "{EID}"}});'),
        ({"callback": ""}, "text/plain; charset=utf-8", EID),
        ({"callback": "alert(1)//"}, "text/plain; charset=utf-8", EID),
        ({"json": "", "callback": "1x"}, "application/json", f'{{"eid": "{EID}"}}'),
    ],
)
def test_each_return_format_is_written_and_read(params, content_type, body):
    answer = render_answer(EID, params)
    assert (answer.content_type, answer.body.decode()) == (content_type, body)
    assert parse_answer(answer.body) == EID


def test_an_image_is_43_bytes_one_pixel_and_no_id():
    answer = render_answer(EID, {"pix": "", "json": "", "callback": "cb"})
    assert (answer.content_type, answer.body) == ("image/gif", GIF)
    assert (len(GIF), GIF[:6], GIF[6:10]) == (43, b"GIF89a", b"\1\0\1\0")
    assert parse_answer(GIF) is None


def test_the_precedence_can_be_turned():
    assert render_answer(EID, {"pix": "", "json": ""}, ("json", "callback", "pix")).content_type == "application/json"


@pytest.mark.parametrize("document", [EID, {"id": EID}, {"event_id": EID}])
def test_other_shapes_of_json_are_read_too(document):
    for params in ({"json": ""}, {"callback": "cb"}):
        assert parse_answer(render_answer(EID, params, document=document).body) == EID


@pytest.mark.parametrize(
    ("body", "eid"),
    [
        (b"0123456789abcdef0123456789abcdef", EID),
        (b"1783024862163.757717719\n", "1783024862163.757717719"),
        (b"\xef\xbb\xbfabcdef12", "abcdef12"),
        (b"f" * 32, "f" * 32),
        (b'"abcdef12"', "abcdef12"),
        (b'{"eid": "abcdef12"}', "abcdef12"),
        (b'{"id": "abcdef12", "at": 1e999}', "abcdef12"),
        (b'{"event_id": "abcdef12"}', "abcdef12"),
        (b'{"eid": 1783024862163.757717719}', "1783024862163.757717719"),
        (b'{"eid": ' + b"1" * 128 + b"}", "1" * 128),
        (b' jQuery17_1({"eid": "abcdef12"}) ', "abcdef12"),
        (b'/**/cb("abcdef12");', "abcdef12"),
        (b"<html><body>Sign in</body></html>", None),
        (b"Not found here", None),
        (b"success", None),
        (b"Accepted", None),
        (b"ok200", None),
        (b"", None),
        (b'{"eid": 7}', None),
        (b'{"eid": null}', None),
        (b'{"eid": {"id": "abcdef12"}}', None),
        (b'["abcdef12"]', None),
        (b'{"broken', None),
        (b"{" * 60_000, None),
        (b'{"a":' * 10_000, None),
        (b"\xff\xfe", None),
        (b"1" * 129, None),
    ],
)
def test_what_is_an_id_and_what_is_not(body, eid):
    assert parse_answer(body) == eid


@given(
    st.binary(max_size=300) | st.text(max_size=100).map(lambda text: f'{{"eid": {text}}}'.encode("utf-8", "replace"))
)
def test_any_answer_can_be_read(body):
    eid = parse_answer(body)
    assert eid is None or is_event_id(eid)


@given(st.from_regex(r"(?=\D*\d)[0-9A-Za-z][0-9A-Za-z._-]{5,60}", fullmatch=True).filter(str.isascii))
def test_what_was_written_is_read(eid):
    for params in ({}, {"json": ""}, {"callback": "cb"}):
        assert parse_answer(render_answer(eid, params).body) == eid


@given(st.text(max_size=20))
def test_a_callback_is_a_name_of_a_function_or_ignored(callback):
    body = render_answer(EID, {"callback": callback}).body.decode()
    assert body == EID or re.fullmatch(r"[\w$.]+\((.*)\);", body, re.ASCII)[1] == json.dumps({"eid": EID})
