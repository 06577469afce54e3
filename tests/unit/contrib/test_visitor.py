import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.contrib.visitor import MOST_URL, Request, language_of, told, visitor_of
from leadrelay.event import Event
from leadrelay.proxies import read_networks

VISITOR = "198.51.100.7"
OURS = read_networks("127.0.0.1")
UID = "1606468777834.459913894"
OTUI = "_otui=459913894.1606468777834.1606468777834.1606468777834.1.2"
OTS = "_ots=3.1606468999000.1606468999000.1606468999000"


def request(peer=VISITOR, url="https://shop.example.com/cart?x=1", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(peer, lambda name: named.get(name, ""), lambda: url)


def found(peer=VISITOR, url="https://shop.example.com/cart", trusted=OURS, **headers):
    return visitor_of(request(peer, url, **headers), trusted, capture_ip=True)


def test_a_browsers_request_says_everything():
    assert visitor_of(
        request(
            "127.0.0.1",
            x_forwarded_for=VISITOR,
            user_agent="Mozilla/5.0",
            referer="https://shop.example.com/",
            accept_language="nl-NL,nl;q=0.9",
            cookie=f"session=x; {OTUI}; {OTS}",
        ),
        OURS,
        capture_ip=True,
    ) == {
        "ip": VISITOR,
        "user_agent": "Mozilla/5.0",
        "lc": "https://shop.example.com/cart?x=1",
        "ref": "https://shop.example.com/",
        "locale": "nl-NL",
        "uid": UID,
        "sid": "1606468999000.459913894",
    }


def test_what_is_not_known_is_left_out():
    assert visitor_of(request(""), OURS, capture_ip=True) == {"lc": "https://shop.example.com/cart?x=1"}


def test_the_address_is_not_taken_when_that_is_switched_off():
    assert "ip" not in visitor_of(request(), OURS, capture_ip=False)


def test_forwarded_addresses_are_not_believed_from_anybody():
    assert found(x_forwarded_for="192.0.2.1")["ip"] == VISITOR


def test_headers_say_who_it_is_before_cookies_and_are_never_mixed_with_them():
    said = found(x_leadrelay_uid="u-1", x_leadrelay_sid="s-1", cookie=OTUI)
    assert (said["uid"], said["sid"]) == ("u-1", "s-1")
    assert "sid" not in found(x_leadrelay_uid="u-1", cookie=f"{OTUI}; {OTS}")
    assert found(x_leadrelay_uid="no id", cookie=OTUI)["uid"] == UID


@pytest.mark.parametrize(
    ("cookie", "uid"),
    [
        (OTUI, UID),
        (f"a=b;{OTUI}", UID),
        (f"{OTUI}; _otui=1.2.3", UID),
        ("_otui=", None),
        ("_otui", None),
        ("x_otui=1.2.3", None),
        ("_otui=<script>.2", None),
        ("=;;=;", None),
    ],
)
def test_the_vendors_cookies(cookie, uid):
    assert found(cookie=cookie).get("uid") == uid


@pytest.mark.parametrize(
    "referer", ["about:blank", "/cart", "javascript:x", "https://a b", "https://" + "a" * MOST_URL]
)
def test_a_referrer_that_is_no_url_is_left_out(referer):
    assert "ref" not in found(referer=referer)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", ""),
        ("nl", "nl"),
        ("en;q=0.8, fr-CH, de;q=0.9", "fr-CH"),
        ("en; q=0.8,de;q=0.9", "de"),
        ("*, en;q=0.5", "en"),
        ("en;q=0", ""),
        ("en;q=2,x;q=nan,é", ""),
        ("zh-Hant-TW;q=1.0", "zh-Hant-TW"),
    ],
)
def test_the_language_liked_best(header, language):
    assert language_of(header) == language


TEXT = st.text(max_size=3000)
NAMES = ("x-forwarded-for", "user-agent", "referer", "accept-language", "cookie", "x-leadrelay-uid", "x-leadrelay-sid")


@given(peer=TEXT, url=TEXT, headers=st.fixed_dictionaries(dict.fromkeys(NAMES, TEXT)))
def test_whatever_a_client_sends_becomes_an_event(peer, url, headers):
    wire = visitor_of(Request(peer, lambda name: headers.get(name, ""), lambda: url), OURS, capture_ip=True)
    Event.create("page_viewed", eid="f" * 32, si="d1", **wire)


def test_an_application_that_cannot_say_who_it_is_breaks_nothing(caplog):
    def identify():
        raise LookupError("ann@example.com")

    with caplog.at_level(logging.WARNING):
        assert told("identify", identify) == {}
    assert "identify failed (LookupError)" in caplog.text
    assert "ann@" not in caplog.text
    assert told("identify", lambda: None) == {}
    assert told("identify", lambda: {"userId": "7"}) == {"userId": "7"}
