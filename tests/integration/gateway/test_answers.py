"""What a gateway answers, and whose event it takes it for."""

import shutil
import subprocess

import pytest
import requests
from leadrelay.trackapi.answers import GIF, is_event_id

needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="not on PATH: curl")


def curl(*arguments):
    done = subprocess.run(["curl", "-s", *arguments], capture_output=True, check=True, timeout=20)
    return done.stdout


EID = "0198c0de0000700080000000000000ab"


@pytest.mark.parametrize(
    ("asked", "content_type", "body"),
    [
        ("", "text/plain; charset=utf-8", EID.encode()),
        ("&pix", "image/gif", GIF),
        ("&pix&json&callback=f", "image/gif", GIF),
        ("&json", "application/json", f'{{"eid": "{EID}"}}'.encode()),
        ("&json=true", "application/json", f'{{"eid": "{EID}"}}'.encode()),
        (
            "&callback=jQuery3_1&_=16",
            "application/javascript; charset=utf-8",
            f'jQuery3_1({{"eid": "{EID}"}});'.encode(),
        ),
        ("&json&callback=a.b", "application/javascript; charset=utf-8", f'a.b({{"eid": "{EID}"}});'.encode()),
        ("&callback=alert(1)", "text/plain; charset=utf-8", EID.encode()),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@needs_curl
def test_every_form_of_the_answer_byte_for_byte(here, method, asked, content_type, body):
    wire = f"si=d&ti=x&eid={EID}{asked}"
    request = (f"{here.url}/?{wire}",) if method == "GET" else ("-d", wire, f"{here.url}/")
    head, _, answered = curl("-i", *request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    lines = head.lower().split(b"\r\n")
    assert f"content-type: {content_type}".encode().lower() in lines
    assert b"content-length: %d" % len(body) in lines
    assert b"access-control-allow-origin: *" in lines
    assert b"cache-control: no-store" in lines
    assert answered == body
    assert here.last()["eid"] == EID
    assert not here.last().keys() & {"pix", "json", "callback", "_"}


def test_ids_are_new_and_never_read_as_numbers(here):
    with requests.Session() as session:
        eids = [session.get(f"{here.url}/?si=d&ti=x", timeout=10).text for _ in range(300)]
    assert [event["eid"] for event in here.events()] == eids
    assert len(set(eids)) == 300
    assert all(is_event_id(eid) and not _is_number(eid) for eid in eids)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_an_id_that_reads_as_a_number_is_the_clients_own(here):
    assert here.get("eid=1783024862163.757717719").text == "1783024862163.757717719"


def test_a_browser_may_ask_first(here):
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = requests.options(here.url, headers=asked, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert "content-type" in answer.headers["access-control-allow-headers"]
    assert here.events() == []


def test_an_e_mails_pixel(here):
    answer = requests.get(f"{here.url}/log?datasetId=d&campaign=spring&email=a%40example.com", timeout=10)
    assert (answer.content, answer.headers["content-type"]) == (GIF, "image/gif")
    event = here.last()
    assert (event["si"], event["campaign"], event["email"]) == ("d", "spring", "a@example.com")
    assert "datasetId" not in event


# Whose it is --------------------------------------------------------------------------------------------------------


def test_address_and_agent_are_the_visitors(here):
    here.get(headers={"User-Agent": "Mozilla/5.0 Zoë".encode()})
    assert (here.last()["ip"], here.last()["_ua"]) == ("127.0.0.1", "Mozilla/5.0 Zoë".encode().decode("latin-1"))
    here.get(headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.2.3"})
    assert here.last()["ip"] == "203.0.113.9"
    here.get("ip=198.51.100.7", headers={"X-Forwarded-For": "203.0.113.9"})
    assert here.last()["ip"] == "198.51.100.7"


def test_who_is_not_trusted_names_nobody(started):
    relay = started()
    relay.get(headers={"X-Forwarded-For": "203.0.113.9"})
    assert relay.last()["ip"] == "127.0.0.1"


def test_an_event_by_proxy_has_no_visitor(here):
    here.get("proxy=true&uid=u")
    assert "ip" not in here.last()


@pytest.mark.parametrize(("setting", "proxy"), [("auto", None), ("true", "true"), ("false", None)])
def test_the_setting_decides_for_events_that_say_nothing(started, setting, proxy):
    relay = started(LEADRELAY_PROXY=setting)
    relay.get()
    assert relay.last().get("proxy") == proxy
    assert ("ip" in relay.last()) == (proxy is None)
    relay.get("proxy=false")
    assert (relay.last()["proxy"], relay.last()["ip"]) == ("false", "127.0.0.1")
