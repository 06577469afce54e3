import pytest
from leadrelay.trackapi.answers import GIF, parse_answer
from leadrelay_sandbox.answering import answered
from leadrelay_sandbox.switches import DEFAULTS, TABLE

JSONP = {"json": "", "callback": "f"}


@pytest.mark.parametrize(
    ("params", "switches", "body"),
    [
        ({}, {}, b"abcdef12"),
        ({}, {"text_newline": "newline"}, b"abcdef12\n"),
        ({"json": ""}, {"text_newline": "newline"}, b'{"eid": "abcdef12"}'),
        ({"json": "true"}, {"json_shape": "id"}, b'{"id": "abcdef12"}'),
        ({"json": ""}, {"json_shape": "string"}, b'"abcdef12"'),
        (JSONP, {}, b'f({"eid": "abcdef12"});'),
        (JSONP, {"json_shape": "event_id"}, b'f({"event_id": "abcdef12"});'),
        ({"callback": "f"}, {}, b'f({"eid": "abcdef12"});'),
        ({"callback": "f"}, {"callback_alone": "text"}, b"abcdef12"),
        (JSONP, {"callback_alone": "text"}, b'f({"eid": "abcdef12"});'),
        ({"callback": "<script>"}, {}, b"abcdef12"),
        ({"pix": "", **JSONP}, {}, GIF),
        ({"pix": "", **JSONP}, {"answer_precedence": "pix-last"}, b'f({"eid": "abcdef12"});'),
        ({"pix": ""}, {"answer_precedence": "pix-last"}, GIF),
    ],
)
def test_forms(params, switches, body):
    assert answered("abcdef12", params, {**DEFAULTS, **switches}).body == body


def test_an_image_is_not_kept_by_caches():
    reply = answered("abcdef12", {"pix": ""}, DEFAULTS)
    assert (reply.content_type, len(reply.body)) == (b"image/gif", 43)
    assert reply.headers == ((b"cache-control", b"no-store"),)


@pytest.mark.parametrize("switch", [row for row in TABLE if row.name in {"json_shape", "text_newline"}])
def test_our_own_client_reads_every_shape(switch):
    for value in switch.values:
        for params in ({}, {"json": ""}, JSONP):
            assert parse_answer(answered("abcdef12", params, {**DEFAULTS, switch.name: value}).body) == "abcdef12"
