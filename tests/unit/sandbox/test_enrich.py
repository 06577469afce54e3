import pytest
from leadrelay_sandbox.enrich import enrich

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"
PLACE = {"country": "country of 203.0.113.7 (stand-in)", "region": "region of 203.0.113.7 (stand-in)"}
PLACE["city"] = "city of 203.0.113.7 (stand-in)"


def test_browser_platform_and_place():
    assert enrich({}, FIREFOX, "203.0.113.7") == {
        "browser": "Firefox",
        "browserVersion": "130.0",
        "platform": "Linux",
        **PLACE,
    }


def test_what_the_event_says_wins_and_an_empty_value_says_nothing():
    found = enrich({"browser": "Mine", "platform": "", "country": "NL"}, FIREFOX, "203.0.113.7")
    assert "browser" not in found
    assert "country" not in found
    assert (found["platform"], found["browserVersion"]) == ("Linux", "130.0")


@pytest.mark.parametrize("given", ["203.0.113.7", " 203.0.113.7 "])
def test_ip_stands_for_the_requests_address(given):
    assert enrich({"ip": given}, "", "198.51.100.1") == PLACE


@pytest.mark.parametrize("given", ["300.1.1.1", "localhost", "1" * 5000, "\x00"])
def test_what_is_no_address_has_no_place(given):
    assert enrich({"ip": given}, "", "198.51.100.1") == {}


@pytest.mark.parametrize("agent", ["", "no browser at all", "x" * 100_000, "\x00\xff(((((" * 1000])
def test_an_unknown_agent_tells_nothing(agent):
    assert enrich({}, agent, "") == {}
