import pytest
from leadrelay.serving.asgi import Refused
from leadrelay_sandbox.refusing import MOST_FIELDS, MOST_LINE, check_dataset, check_fields, check_head
from leadrelay_sandbox.switches import DEFAULTS

FORM = b"application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (("GET", "/x", 2, b""), 404),
        (("PUT", "/", 1, b""), 405),
        (("HEAD", "/", 1, b""), 405),
        (("GET", "/", MOST_LINE + 1, b""), 414),
        (("POST", "/", 1, b"application/json"), 415),
        (("POST", "/", 1, b"Application/JSON; charset=utf-8"), 415),
        (("POST", "/", 1, b"multipart/form-data; boundary=x"), 415),
    ],
)
def test_what_is_refused_before_the_body(head, status):
    with pytest.raises(Refused) as caught:
        check_head(*head)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "head",
    [
        ("GET", "/", MOST_LINE, b""),
        ("GET", "/log", 9, b"application/json"),
        ("POST", "/", 1, FORM),
        ("POST", "/", 1, b""),
    ],
)
def test_what_is_taken(head):
    check_head(*head)


def test_fields_are_counted_before_they_are_read():
    check_fields(b"a&" * (MOST_FIELDS // 2), b"a&" * (MOST_FIELDS // 2))
    with pytest.raises(Refused) as caught:
        check_fields(b"a&" * MOST_FIELDS, b"a&")
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("params", "registered", "switches", "outcome"),
    [
        ({"si": "d"}, True, {}, None),
        ({}, True, {}, 400),
        ({"si": ""}, True, {}, 400),
        ({}, True, {"missing_si": "discard"}, "si: no dataset id; answered and lost"),
        ({"si": "x"}, False, {}, None),
        ({"si": "x"}, False, {"unknown_si": "refuse"}, 400),
        ({"si": "x"}, False, {"unknown_si": "discard"}, "si: not a registered dataset; answered and lost"),
    ],
)
def test_the_dataset(params, registered, switches, outcome):
    choices = {**DEFAULTS, **switches}
    if isinstance(outcome, int):
        with pytest.raises(Refused) as caught:
            check_dataset(params, registered=registered, choices=choices)
        assert caught.value.status == outcome
    else:
        assert check_dataset(params, registered=registered, choices=choices) == outcome
