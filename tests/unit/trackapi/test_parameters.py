import pytest
from leadrelay.trackapi.parameters import NOT_PROPAGATED, PARAMETERS, STRICT, doubts, near_miss

PAGE = "si ti eid sid uid proxy browser browserVersion eh ew ip lc locale otor otpe otr platform pix ref sc sh sw tz"


def test_the_pages_table_stands_in_its_order():
    rows = [name for name, row in PARAMETERS.items() if row.source == "page, Pre-defined parameters"]
    assert rows == PAGE.split()


def test_every_row_is_complete():
    for name, row in PARAMETERS.items():
        assert name == row.name
        assert row.meaning
        assert row.set_by in {"application", "leadrelay", "browser", "caller"}


def test_only_what_must_be_right_is_refused():
    assert {"si", "ti", "eid", "proxy"} == STRICT


def test_what_stays_on_the_event():
    names = "si eid sid uid ots otui proxy increment pix json callback _"
    assert set(names.split()) == NOT_PROPAGATED


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("user_id", "userId"),
        ("userid", "userId"),
        ("user-id", "userId"),
        ("UserId", "userId"),
        ("Email", "email"),
        ("e-mail", "email"),
        ("browser_version", "browserVersion"),
        ("browserVersions", "browserVersion"),
        ("SI", "si"),
        ("JSON", None),
        ("plan", None),
        ("ut", None),
        ("userId", None),
    ],
)
def test_near_misses(name, meant):
    assert near_miss(name) == meant


@pytest.mark.parametrize(
    ("name", "good", "odd", "expected"),
    [
        ("ip", ["192.0.2.4", "2001:db8::1"], ["localhost", "192.0.2.4:80"], "an IP address"),
        ("lc", ["https://a.b/c?d"], ["/c", "www.a.b"], "a full URL, like https://www.example.com/page"),
        ("otpe", ["https://a.b/c?d"], ["/c"], "a full URL, like https://www.example.com/page"),
        ("otor", ["1279273431384.http%3A//google.com"], ["http://google.com"], "<milliseconds>.<URL>"),
        ("otr", ["1279273431384.http%3A//google.com"], ["1279273431384"], "<milliseconds>.<URL>"),
        ("eh", ["900"], ["900px", "-1", "٣"], "a number of pixels"),
        ("ew", ["900"], ["x"], "a number of pixels"),
        ("sh", ["900"], ["x"], "a number of pixels"),
        ("sw", ["900"], ["x"], "a number of pixels"),
        ("email", ["a+b@c.d"], ["a b@c.d", "a"], "an e-mail address (an unencoded + arrives as a space)"),
        ("otui", ["1.2.3.4.5.6", "1.2"], ["undefined", "1"], "the text of an _otui cookie"),
        ("ots", ["1.2.3.4", "1.2"], ["undefined", "1"], "the text of an _ots cookie"),
        ("increment", ["true", "false", "1"], ["no"], "true or false"),
    ],
)
def test_what_is_odd_is_told(name, good, odd, expected):
    assert [doubts(name, value) for value in [*good, ""]] == [None] * (len(good) + 1)
    assert {doubts(name, value) for value in odd} == {f"not {expected}"}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("si", ["your-dataset-ID", "0" * 32], [" ", ""]),
        ("ti", ["Please track me"], ["\t", ""]),
        (
            "eid",
            ["0" * 32, "a" * 32, "1783024862163.757717719", "invoice-7"],
            ["", "e1", "a b 1 c", "success", "1" * 129],
        ),
        ("proxy", ["true", "TRUE", "1", "", "false", "0", "auto"], ["yes"]),
    ],
)
def test_what_is_refused(name, good, bad):
    assert all(PARAMETERS[name].check.holds(value) for value in good)
    assert not any(PARAMETERS[name].check.holds(value) for value in bad)


def test_other_names_are_nobodys_business():
    assert doubts("plan", "x") is None
    assert doubts("user_id", "x") == "not a parameter of the Track API; did you mean userId?"
