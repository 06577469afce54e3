"""What a gateway does not take, and from whom."""

import sys
from urllib.parse import urlsplit

import pytest
import requests
from leadrelay.gateway.limits import MOST_FIELDS, MOST_FORM, MOST_LINE
from leadrelay.gateway.upload import PATH

from tests.chaos.processes import Process, until
from tests.integration.gateway.clients import FORM, SECRET, environment, refused
from tests.integration.test_recorded_requests import answer_to


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("ti=x", 400, "si: no dataset id"),
        ("si=&ti=x", 400, "si: no dataset id"),
        ("si=other&ti=x", 400, "si: not a dataset of this gateway"),
        ("si=d&eid=1", 400, "eid: expected 6 to 128"),
        ("si=d&eid=a%0D%0Ab%2012", 400, "eid: expected"),
        ("si=d&_ua=x", 400, "_ua: reserved"),
        ("si=d&x=" + "y" * MOST_LINE, 414, "request line"),
        ("si=d" + "&a" * MOST_FIELDS, 413, "fields"),
    ],
)
def test_what_is_not_taken(here, query, status, reason):
    refused(requests.get(f"{here.url}/?{query}", timeout=10), status, reason)
    assert here.events() == []


@pytest.mark.parametrize("si", ["d", "e", "f"])
def test_configured_datasets_are_taken(here, si):
    assert requests.get(f"{here.url}/?si={si}&ti=x", timeout=10).text == here.last()["eid"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/", 405), ("DELETE", "/", 405), ("GET", "/x", 404), ("POST", "/healthz", 405), ("GET", PATH, 405)],
)
def test_other_methods_and_paths(here, method, path, status):
    refused(requests.request(method, f"{here.url}{path}?si=d&ti=x", timeout=10), status, "")
    assert here.events() == []


def test_head_counts_nothing(here):
    assert requests.head(f"{here.url}/?si=d&ti=x", timeout=10).status_code == 405
    assert here.events() == []


def test_bodies_that_are_no_forms_or_too_large(here):
    refused(here.post(b'{"si":"d"}', headers={"Content-Type": "application/json"}), 415, "form")
    refused(here.post(b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"}), 415, "form")
    refused(here.post(b"si=d&x=" + b"y" * MOST_FORM, headers={"Content-Type": FORM}), 413, "too large")
    refused(here.post(b"si=d&x=" + b"y" * 70_000, headers={"Content-Type": FORM}), 400, "x: the event has")
    assert here.events() == []


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_gets_no_body(here, request_):
    head, body = answer_to(here.url, request_)
    assert head.startswith(b"HTTP/1.1 400")
    assert body == b""


# The secret ---------------------------------------------------------------------------------------------------------


def test_a_secret_is_wanted_where_one_is_set(started, tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    relay = started("--host", "127.0.0.1", LEADRELAY_GATEWAY_SECRET_FILE=str(file))
    refused(relay.get(), 401, "secret")
    refused(relay.get("leadrelay_secret=a-long-secreT"), 401, "secret")
    refused(requests.get(f"{relay.url}/metrics", timeout=10), 401, "secret")
    assert relay.get(headers={"Leadrelay-Secret": SECRET}).status_code == 200
    assert relay.get(f"leadrelay_secret={SECRET}").status_code == 200
    assert requests.get(f"{relay.url}/healthz", timeout=10).text == "ok"
    assert len(relay.events()) == 2
    assert not any("leadrelay_secret" in event or SECRET in str(event) for event in relay.events())
    assert SECRET not in relay.process.log.read_text()


def command(own_broker, tmp_path, *options, **env):
    environ = environment(own_broker, tmp_path, **env)
    process = Process(
        "refusing", [sys.executable, "-m", "leadrelay", "gateway", "--port", "0", *options], tmp_path, environ
    )
    until(lambda: not process.alive, "it ends")
    return process.child.returncode, process.tail()


@pytest.mark.parametrize("mode", ["off", "log", "fake", "inline"])
def test_it_answers_for_no_event_that_is_kept_nowhere(own_broker, tmp_path, mode):
    code, said = command(own_broker, tmp_path, LEADRELAY_MODE=mode)
    assert code == 2
    assert f"LEADRELAY_MODE={mode}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_is_not_open_to_others_by_accident(own_broker, tmp_path, host):
    code, said = command(own_broker, tmp_path, "--host", host)
    assert code == 2
    assert "LEADRELAY_GATEWAY_SECRET" in said
    assert "--open" in said
    assert "Traceback" not in said


def test_it_says_that_it_needs_a_dataset(own_broker, tmp_path):
    code, said = command(own_broker, tmp_path, LEADRELAY_DATASET_ID="", LEADRELAY_ALLOWED_DATASETS="")
    assert code == 2
    assert "LEADRELAY_DATASET_ID" in said


def test_it_says_that_an_address_is_taken(own_broker, tmp_path, here):
    code, said = command(own_broker, tmp_path, "--port", str(urlsplit(here.url).port))
    assert (code, "Traceback" in said) == (2, False)
    assert "choose another" in said


def test_it_may_be_open_to_others(started):
    assert started("--host", "0.0.0.0", "--open").get().status_code == 200
