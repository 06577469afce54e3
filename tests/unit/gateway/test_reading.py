import pytest
from leadrelay.gateway.limits import MOST_FIELDS, MOST_LINE
from leadrelay.gateway.reading import FORMS, Visitor, check_fields, check_form, check_head, event_of, visitor_of
from leadrelay.gateway.rules import Rules
from leadrelay.proxies import read_networks
from leadrelay.serving.asgi import Refused
from leadrelay.trackapi.forms import USER_AGENT

NEW = "0198c0de0000700080000000000000ab"
VISITOR = Visitor("203.0.113.9", "Mozilla/5.0")


def rules(**changed):
    return Rules(**{"datasets": frozenset({"d"}), "secret": "", "proxy": "auto", "trusted": (), **changed})


def wire(given="si=d&ti=x", visitor=VISITOR, **changed):
    params = dict(part.partition("=")[::2] for part in given.split("&"))
    return dict(event_of(params, visitor, rules(**changed), NEW).wire)


def test_an_event_stays_as_it_is_but_for_id_address_and_agent():
    assert wire("si=d&ti=&plan=pro&=x&städt=Delft") == {
        "si": "d",
        "ti": "",
        "plan": "pro",
        "": "x",
        "städt": "Delft",
        "eid": NEW,
        "ip": "203.0.113.9",
        USER_AGENT: "Mozilla/5.0",
    }


def test_only_the_id_is_frozen():
    """A user or session id would override whom the endpoint finds by address, or by a cookie's state."""
    assert not wire("si=d").keys() & {"uid", "sid", "proxy"}
    assert wire("si=d&eid=e-42-abc")["eid"] == "e-42-abc"
    assert wire("si=d&eid=")["eid"] == NEW


@pytest.mark.parametrize(
    ("given", "setting", "proxy", "ip"),
    [
        ("si=d", "auto", None, True),
        ("si=d", "false", None, True),
        ("si=d", "true", "true", False),
        ("si=d&proxy=true", "auto", "true", False),
        ("si=d&proxy=1", "false", "1", False),
        ("si=d&proxy=", "auto", "", False),
        ("si=d&proxy=false", "true", "false", True),
        ("si=d&proxy=0", "auto", "0", True),
    ],
)
def test_proxy_is_the_clients_else_the_settings(given, setting, proxy, ip):
    made = wire(given, proxy=setting)
    assert made.get("proxy") == proxy
    assert ("ip" in made) == ip


def test_the_clients_own_address_stays():
    assert wire("si=d&ip=198.51.100.7")["ip"] == "198.51.100.7"
    assert wire("si=d&ip=")["ip"] == "203.0.113.9"
    assert "ip" not in wire("si=d", Visitor("", ""))


def test_a_visitor_without_agent_sends_none():
    assert wire("si=d", Visitor("203.0.113.9", ""))[USER_AGENT] == ""


def test_what_only_forms_the_answer_and_the_secret_do_not_go_on():
    made = wire("si=d&pix=&json=true&callback=f&_=1&leadrelay_secret=s")
    assert not made.keys() & {"pix", "json", "callback", "_", "leadrelay_secret"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("ti=x", "no dataset id"),
        ("si= &ti=x", "no dataset id"),
        ("si=e", "not a dataset of this gateway"),
        ("si=d&eid=1", "eid: expected"),
        ("si=d&eid=a b 12345", "eid: expected"),
        ("si=d&_ua=x", "_ua: reserved"),
        ("si=d&x=" + "y" * 70_000, "x: the event has"),
    ],
)
def test_what_is_refused(given, reason):
    with pytest.raises(Refused, match=reason) as caught:
        wire(given)
    assert caught.value.status == 400


def test_every_dataset_where_that_is_asked_for():
    assert wire("si=anything", datasets=frozenset())["si"] == "anything"


def test_limits():
    check_head("GET", FORMS, MOST_LINE)
    check_fields(b"a&" * (MOST_FIELDS - 1), b"")
    for status, check in (
        (405, lambda: check_head("HEAD", FORMS, 1)),
        (414, lambda: check_head("GET", FORMS, MOST_LINE + 1)),
        (415, lambda: check_form(b"Application/JSON")),
        (413, lambda: check_fields(b"a&" * 500, b"a&" * 500)),
    ):
        with pytest.raises(Refused) as caught:
            check()
        assert caught.value.status == status


def test_a_visitor_is_read_from_a_request():
    headers = [(b"x-forwarded-for", b"6.6.6.6"), (b"user-agent", b"A\xeb"), (b"x-forwarded-for", b"203.0.113.9")]
    scope = {"headers": headers, "client": ("10.0.0.1", 4711)}
    assert visitor_of(scope, rules(trusted=read_networks("10.0.0.0/8"))) == Visitor("203.0.113.9", "Aë")
    assert visitor_of({"headers": [], "client": None}, rules()) == Visitor("", "")
    assert visitor_of(scope, rules(capture_ip=False)) == Visitor("", "Aë")
