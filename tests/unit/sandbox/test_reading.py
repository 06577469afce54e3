import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay_sandbox.reading import MOST_WARNINGS, NOT_DOCUMENTED, as_mail_pixel, proxied, read, time_of
from leadrelay_sandbox.switches import DEFAULTS


def told(query=b"", body=b"", **switches):
    """What is warned of, without what every request here lacks: a title."""
    hit = read("POST", query, body, {**DEFAULTS, **switches})
    return hit.params, [text for text in hit.warnings if not text.startswith("ti: no title")]


def test_query_before_body_and_the_first_counts():
    params, warnings = told(b"a=1&b=%20x", b"a=2&c=3&c=4")
    assert params == {"a": "1", "b": " x", "c": "3"}
    assert warnings == [
        f"{NOT_DOCUMENTED}a: given more than once; the first counts",
        f"{NOT_DOCUMENTED}c: given more than once; the first counts",
    ]


def test_the_last_counts_by_switch():
    assert told(b"a=1", b"a=2", duplicate_keys="last")[0] == {"a": "2"}


@pytest.mark.parametrize("raw", [b"name=Zo%EB", b"name=Zo\xeb"])
def test_what_is_not_utf_8_is_iso_8859_1(raw):
    hit = read("POST", b"", raw, DEFAULTS)
    assert (hit.params, hit.charset) == ({"name": "Zoë"}, "iso-8859-1")
    assert told(b"", raw, charset="replace")[0] == {"name": "Zo\ufffd"}


def test_a_form_of_each_charset():
    hit = read("POST", b"a=%C3%AB", b"b=%EB", {**DEFAULTS, "charset": "replace"})
    assert (hit.params, hit.charset) == ({"a": "ë", "b": "\ufffd"}, "iso-8859-1")
    assert read("POST", b"a=%C3%AB", b"", DEFAULTS).charset == "utf-8"


@pytest.mark.parametrize(
    ("query", "warning"),
    [
        (b"plan=", "not documented: plan: empty; a filled value of the profile stays"),
        (b"Customer+ID=7", "not documented: Customer ID: a name with a space; accepted"),
        (b"tags[0]=a", "not documented: tags[0]: an array; each of its parts is a property of its own"),
        (b"st%C3%A4dt=x", "not documented: städt: a name beyond ASCII; kept on the event, not propagated"),
        (b"=x", "not documented: a value without a name; kept on the event, not propagated"),
        (b"t_ms=1783024862163", "not documented: t_ms: on a direct send, taken as a property"),
        (b"user_id=7", "user_id: not a parameter of the Track API; did you mean userId?"),
        (b"email=j+doe@example.com", "email: not an e-mail address (an unencoded + arrives as a space)"),
        (b"ip=300.1.1.1", "ip: not an IP address"),
    ],
)
def test_warnings(query, warning):
    assert told(query)[1] == [warning]


@pytest.mark.parametrize("query", [b"pix&json&proxy&_=1", b"plan=pro&userId=7&email=a%2Bb@example.com", b"proxy=1"])
def test_nothing_to_warn_of(query):
    assert told(query)[1] == []


def test_what_switches_change_in_a_warning():
    assert "overwrites the profile" in told(b"plan=", empty_value="overwrite")[1][0]
    assert told(b"st%C3%A4dt=x", non_ascii_names="propagate")[1][0].endswith("; propagated")
    assert told(b"t_ms=1783024862163", t_ms="honour")[1][0].endswith("taken as the event's time")
    assert told(b"a=1&a=2", duplicate_keys="last")[1][0].endswith("the last counts")


def test_no_title_is_told():
    assert read("GET", b"a=1", b"", DEFAULTS).warnings == ("ti: no title; LeadBoxer shows NO TITLE",)


def test_jquerys_cache_buster_is_dropped():
    assert told(b"_=17&a=1")[0] == {"a": "1"}


def test_warnings_are_bounded_and_long_names_are_cut():
    params, warnings = told(b"&".join(b"%d+x=" % number for number in range(400)))
    assert len(params) == 400
    assert (len(warnings), warnings[-1]) == (MOST_WARNINGS, "and 751 more warnings")
    assert len(told(b"x" * 5000 + b"=")[1][0]) < 200


def test_a_mail_pixel():
    hit = as_mail_pixel(read("GET", b"datasetId=d&campaign=c&email=a@example.com", b"", DEFAULTS))
    assert hit.params == {"si": "d", "campaign": "c", "email": "a@example.com", "pix": ""}
    assert as_mail_pixel(read("GET", b"campaign=c", b"", DEFAULTS)).params["si"] == ""


@pytest.mark.parametrize(
    ("query", "on"),
    [
        ("", {"not-false": False, "any": False, "true": False}),
        ("proxy", {"not-false": True, "any": True, "true": False}),
        ("proxy=true", {"not-false": True, "any": True, "true": True}),
        ("proxy=1", {"not-false": True, "any": True, "true": False}),
        ("proxy=false", {"not-false": False, "any": True, "true": False}),
        ("proxy=0", {"not-false": False, "any": True, "true": False}),
    ],
)
def test_what_turns_proxy_on(query, on):
    params = read("GET", query.encode(), b"", DEFAULTS).params
    assert {rule: proxied(params, {**DEFAULTS, "proxy_presence": rule}) for rule in on} == on


@pytest.mark.parametrize("given", ["", "17", "x" * 13, "²" * 13, "-178302486216"])
def test_a_time_that_is_none(given):
    assert time_of({"t_ms": given}, {**DEFAULTS, "t_ms": "honour"}, 5) == 5


def test_t_ms_is_honoured_by_switch():
    params = {"t_ms": "1783024862163"}
    assert time_of(params, DEFAULTS, 5) == 5
    assert time_of(params, {**DEFAULTS, "t_ms": "honour"}, 5) == 1783024862163


@given(st.binary(max_size=200), st.binary(max_size=200), st.sampled_from(["iso-8859-1", "replace"]))
def test_any_bytes_can_be_read(query, body, charset):
    hit = read("POST", query, body, {**DEFAULTS, "charset": charset})
    assert all(isinstance(text, str) and text.encode() for text in hit.warnings)
    assert "".join(hit.params.values()).encode() is not None
