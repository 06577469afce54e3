import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.trackapi.cookies import ids_from_cookies, sid_of, uid_of

OTUI = "459913894.1606468777834.1606468777834.1606468777834.1.1"
OTS = "3.1606468999000.1606469000000.1606469001000"


def test_ids_are_those_of_the_browsers_own_events():
    found = ids_from_cookies({"_otui": OTUI, "_ots": OTS, "_otpe": "https%3A//a.b", "session": "x"})
    assert found == {"uid": "1606468777834.459913894", "sid": "1606468999000.459913894"}


def test_a_seventh_part_changes_nothing():
    assert uid_of(f"{OTUI}.9") == "1606468777834.459913894"


@pytest.mark.parametrize(
    ("cookies", "found"),
    [
        ({}, {}),
        ({"_ots": OTS}, {}),
        ({"_otui": OTUI}, {"uid": "1606468777834.459913894"}),
        ({"_otui": OTUI, "_ots": "garbage"}, {"uid": "1606468777834.459913894"}),
        ({"_otui": "garbage", "_ots": OTS}, {}),
    ],
)
def test_what_is_missing_is_left_out(cookies, found):
    assert ids_from_cookies(cookies) == found


@pytest.mark.parametrize(
    "otui", ["", ".", "1", ".2", "1.", "a b.2", "1.x", "1.٣", "<script>.1", "1" * 33 + ".1", "1." + "1" * 17, "1.2x"]
)
def test_what_a_browser_makes_up_is_no_id(otui):
    assert uid_of(otui) == ""
    assert sid_of(OTS, otui) == ""


@given(st.text(max_size=40))
def test_any_cookie_can_be_read(text):
    assert uid_of(text) == "" or uid_of(text).isascii()
    assert sid_of(text, OTUI) == "" or sid_of(text, OTUI).endswith(".459913894")
