"""The stand-in LeadBoxer over HTTP: what it takes, refuses, keeps, counts, and what survives it."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chaos.processes import sandbox, until

FIREFOX = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}


def test_get_and_post_and_the_answer_forms(endpoint):
    assert endpoint.send("ti=x&eid=abcdef12").text == "abcdef12"
    assert len(requests.post(endpoint.url, data={"si": "d", "ti": "x"}, timeout=5).text) == 32
    assert endpoint.send("eid=e1&json").json() == {"eid": "e1"}
    assert endpoint.send("eid=e1&json&callback=f").text == 'f({"eid": "e1"});'
    image = endpoint.send("pix")
    assert image.content.startswith(b"GIF89a")
    assert image.headers["Cache-Control"] == "no-store"
    assert [event["method"] for event in endpoint.control("events")] == ["GET", "POST", "GET", "GET", "GET"]


def test_what_is_refused_is_kept_with_its_reason(endpoint):
    url = endpoint.url
    assert requests.get(f"{url}/?ti=x", timeout=5).status_code == 400
    assert requests.get(f"{url}/elsewhere", timeout=5).status_code == 404
    assert requests.put(url, timeout=5).status_code == 405
    assert requests.post(url, json={"si": "d"}, timeout=5).status_code == 415
    assert requests.get(f"{url}/?si=d&x={'y' * 9000}", timeout=5).status_code == 414
    assert requests.post(url, data={"si": "d", "x": "y" * 2**20}, timeout=5).status_code == 413
    assert requests.post(url, data="a&" * 2000, timeout=5).status_code == 413
    kept = endpoint.control("bad")
    assert [row["status"] for row in kept] == [400, 404, 405, 415, 414, 413, 413]
    assert kept[0] == {
        "index": 0,
        "at_ms": kept[0]["at_ms"],
        "method": "GET",
        "status": 400,
        "reason": "si: no dataset id",
        "line": "GET /?ti=x",
    }
    assert all(row["reason"] and len(row["line"]) < 220 for row in kept)
    assert [row["index"] for row in endpoint.control("bad?last=2")] == [5, 6]
    assert [row["index"] for row in endpoint.control("bad?since=1&limit=2")] == [1, 2]
    stats = endpoint.control("stats")
    assert (stats["requests"], stats["accepted"], stats["bad"]) == (7, 0, 7)


def test_what_is_lost_silently_is_told_here(endpoint):
    endpoint.set("switches", {"missing_si": "discard"})
    assert requests.get(f"{endpoint.url}/?ti=x", timeout=5).status_code == 200
    stats = endpoint.control("stats")
    assert (stats["accepted"], stats["bad"], stats["discarded"]) == (0, 1, 1)
    assert endpoint.control("bad")[0]["reason"] == "si: no dataset id; answered and lost"


def test_an_unregistered_dataset_is_marked_once_any_is_registered(endpoint):
    endpoint.send("ti=x")
    assert endpoint.last()["registered"] is True
    endpoint.set("datasets", {"datasets": ["mine"]})
    endpoint.send("ti=x")
    assert endpoint.last()["registered"] is False
    requests.get(f"{endpoint.url}/?si=mine", timeout=5)
    assert endpoint.last()["registered"] is True


def test_increment_false_enriches_and_counts_nothing(endpoint):
    endpoint.send("ti=x&uid=1&increment=false", headers=FIREFOX)
    assert endpoint.control("counters")["total"] == {"events": 0, "sessions": 0, "unique": 0}
    assert endpoint.profile("1")["browser"] == "Firefox"


def test_an_update_by_ids_reaches_user_and_session(endpoint):
    endpoint.send("sid=12345&uid=98765&email=j.doe@example.com")
    endpoint.send("sid=12345&uid=98765&plan=pro&proxy=true")
    user = endpoint.control("users/98765?si=d")
    assert user["profile"]["plan"]["value"] == "pro"
    assert user["counters"] == {"events": 1, "sessions": 1}
    assert [session["sid"] for session in user["sessions"]] == ["12345"]
    assert [event["index"] for event in user["timeline"]] == [1, 0]
    assert endpoint.control("sessions")["sessions"][0]["profile"]["plan"]["value"] == "pro"


def test_identity_over_the_wire(endpoint):
    endpoint.send("ti=x&email=Ann%40Example.com")
    endpoint.send("ti=x&email=ann@example.com&userId=42")
    endpoint.send("ti=x&userId=42")
    endpoint.send("ti=x&otui=99.1606468777834.3.4.1.7&ots=1.1606468777835.1.1")
    assert (endpoint.last()["uid"], endpoint.last()["sid"]) == ("1606468777834.99", "1606468777835.99")
    users = endpoint.control("users?find=ANN@")
    assert (users["total"], users["users"][0]["events"], users["users"][0]["userId"]) == (1, 3, "42")


def test_enrichment_from_the_request_and_from_ip(endpoint):
    endpoint.send("uid=1", headers=FIREFOX)
    assert endpoint.profile("1")["browser"] == "Firefox"
    assert endpoint.profile("1")["country"] == "country of 127.0.0.1 (stand-in)"
    assert endpoint.last()["enriched"]["platform"] == "Linux"
    endpoint.send("uid=1&ip=203.0.113.7&browser=Mine", headers=FIREFOX)
    assert endpoint.profile("1")["browser"] == "Mine"
    assert endpoint.profile("1")["city"] == "city of 203.0.113.7 (stand-in)"
    endpoint.send("uid=2&proxy&plan=pro", headers=FIREFOX)
    assert endpoint.profile("2") == {"plan": "pro"}


def test_forwarded_headers_do_not_change_the_address(endpoint):
    endpoint.send("uid=1", headers={"X-Forwarded-For": "203.0.113.7"})
    assert "127.0.0.1" in endpoint.profile("1")["city"]


def test_a_mail_pixel(endpoint):
    image = requests.get(f"{endpoint.url}/log?datasetId=d&campaign=c1&email=ann@example.com", timeout=5)
    assert image.headers["Content-Type"] == "image/gif"
    assert endpoint.profile("ann@example.com")["campaign"] == "c1"
    assert requests.get(f"{endpoint.url}/log?campaign=c1", timeout=5).status_code == 400


def test_counters_and_duplicates(endpoint):
    for eid in ("a", "b", "a"):
        endpoint.send(f"ti=x&uid=1&eid={eid}")
    stats = endpoint.control("stats")
    assert (stats["accepted"], stats["unique_eids"], stats["duplicates"]) == (3, 2, 1)
    assert endpoint.control("counters") == {
        "total": {"events": 2, "sessions": 2, "unique": 1},
        "titles": [{"si": "d", "ti": "x", "total": 2, "unique": 1}],
    }
    assert [event["eid"] for event in endpoint.control("events?since=1&limit=1")] == ["b"]
    assert [event["eid"] for event in endpoint.control("events?last=2")] == ["b", "a"]
    assert [event["index"] for event in endpoint.control("events?eid=a")] == [0, 2]
    assert endpoint.control("events/a?si=d")["arrivals"] == 2


def test_other_origins_by_switch(endpoint):
    assert "Access-Control-Allow-Origin" not in endpoint.send("eid=e1").headers
    assert requests.options(endpoint.url, timeout=5).status_code == 405
    endpoint.set("switches", {"cors": "any"})
    assert endpoint.send("eid=e1").headers["Access-Control-Allow-Origin"] == "*"
    assert requests.options(endpoint.url, timeout=5).status_code == 204
    assert "Access-Control-Allow-Origin" not in requests.get(f"{endpoint.url}/_sandbox/stats", timeout=5).headers


def test_faults_before_and_after_acceptance(endpoint):
    for drop, accepted in (("before", 0), ("after", 1)):
        endpoint.set("faults", {"rules": [{"drop": drop}]})
        with pytest.raises(requests.ConnectionError):
            endpoint.send("eid=e1")
        assert endpoint.control("stats")["accepted"] == accepted
    endpoint.set("faults", {"rules": [{"status": 429, "retry_after": 7}]})
    assert endpoint.send().headers["Retry-After"] == "7"
    endpoint.set("faults", {"rules": [{"status": 200, "body": "parked"}]})
    assert endpoint.send().text == "parked"
    endpoint.set("faults", {"rules": [{"status": 204}]})
    with requests.Session() as session:
        answers = [session.get(f"{endpoint.url}/?si=d", timeout=5) for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert endpoint.control("stats")["faults"] == 6


def test_rules_are_shown_as_they_can_be_set_again(endpoint):
    shown = endpoint.set("faults", {"rules": [{"status": 503, "for_s": 60, "ti": "x"}]})
    assert 0 < shown["rules"][0]["for_s"] <= 60
    assert endpoint.set("faults", shown)["rules"][0]["status"] == 503


@pytest.mark.parametrize(
    ("method", "what", "body", "status", "told"),
    [
        ("GET", "events?since=x", "", 400, "since: give a whole number"),
        ("GET", "events?limit=-1", "", 400, "limit"),
        ("GET", "events?last=%C2%B2", "", 400, "last"),
        ("GET", "users?offset=1e3", "", 400, "offset"),
        ("GET", "users/nobody?si=d", "", 404, "no such id"),
        ("GET", "events/none", "", 404, "no such id"),
        ("GET", "nothing", "", 404, "known: GET stats"),
        ("POST", "stats", "", 404, "known"),
        ("PUT", "faults", "{", 400, "not JSON"),
        ("PUT", "faults", "[" * 100_000, 400, "not JSON"),
        ("PUT", "faults", '{"rules": [{"share": NaN}]}', 400, "share: a number from 0 to 1"),
        ("PUT", "faults", '{"rules": [{"body": "\\ud800"}]}', 400, "body"),
        ("PUT", "faults", "x" * 2**21, 413, "too large"),
        ("PUT", "switches", '{"missing-si": "discard"}', 400, "did you mean missing_si"),
        ("PUT", "switches", '{"switches": {"t_ms": 1}}', 400, "property or honour"),
        ("PUT", "switches", "[1]", 400, "expected"),
        ("PUT", "datasets", '{"datasets": [1]}', 400, "expected"),
    ],
)
def test_bad_control_calls_are_told_what_to_give(endpoint, method, what, body, status, told):
    reply = requests.request(method, f"{endpoint.url}/_sandbox/{what}", data=body, timeout=5)
    assert reply.status_code == status
    assert told in reply.json()["error"]


def test_the_page_is_served_with_a_strict_policy(endpoint):
    page = requests.get(f"{endpoint.url}/_sandbox", timeout=5)
    assert page.url == f"{endpoint.url}/_sandbox/"
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Security-Policy"] == "default-src 'self'"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert requests.get(f"{endpoint.url}/_sandbox/..%2Fcli.py", timeout=5).status_code == 404


def test_switches_and_parameters_are_listed(endpoint):
    rows = endpoint.control("switches")["switches"]
    assert set(rows[0]) >= {"name", "value", "default", "values", "meaning"}
    assert {row["name"] for row in endpoint.control("parameters")["parameters"]} >= {"si", "ti", "proxy", "userId"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.text(st.characters(codec="ascii"), max_size=20), query=st.binary(max_size=60), body=st.binary(max_size=200)
)
def test_no_request_is_an_error_of_ours(served, path, query, body):
    prepared = requests.Request("POST", served, data=body).prepare()
    prepared.url = f"{served}/{requests.utils.quote(path)}?{requests.utils.quote(query)}"
    assert requests.Session().send(prepared, timeout=5).status_code < 500


def test_an_event_whose_body_did_not_come_whole_is_not_accepted(endpoint):
    where = urlsplit(endpoint.url)
    with socket.create_connection((where.hostname, where.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nsi=d&ti=x&plan=p")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert endpoint.control("stats")["accepted"] == 0


@pytest.mark.parametrize("signalled", [signal.SIGKILL, signal.SIGTERM])
def test_every_acknowledged_event_is_stored_and_the_next_sandbox_goes_on(tmp_path, signalled):
    process, url = sandbox(tmp_path)
    answered = []

    def client(number):
        with requests.Session() as session:
            for serial in range(100_000):
                try:
                    answered.append(session.get(f"{url}/?si=d&ti=x&uid=u{number}&serial={serial}", timeout=5).text)
                except requests.ConnectionError:
                    return

    with ThreadPoolExecutor(8) as pool:
        for number in range(8):
            pool.submit(client, number)
        until(lambda: len(answered) > 500, "500 events are answered")
        process.signal(signalled)
    until(lambda: not process.alive, "it is gone")
    rows = sqlite3.connect(tmp_path / "arrived.sqlite").execute("SELECT eid FROM events ORDER BY idx").fetchall()
    stored = [row[0] for row in rows]
    assert set(answered) <= set(stored)
    assert len(stored) <= len(answered) + 8

    process, url = sandbox(tmp_path)
    assert requests.get(f"{url}/?si=d&eid={answered[0]}", timeout=5).text == answered[0]
    last = requests.get(f"{url}/_sandbox/events?last=1", timeout=5).json()[0]
    assert (last["index"], last["duplicate"]) == (len(stored), True)
    assert requests.get(f"{url}/_sandbox/stats", timeout=5).json()["accepted"] == len(stored) + 1
    process.kill()


def run(*arguments):
    command = [sys.executable, "-m", "leadrelay", "sandbox", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_the_command_line_tells_what_is_wrong(tmp_path):
    wrong = run("--switch", "missing-si=discard")
    assert (wrong.returncode, "did you mean missing_si?" in wrong.stderr) == (2, True)
    (tmp_path / "events.jsonl").write_text(json.dumps({"eid": "e1"}) * 100)
    other = run("--store", str(tmp_path / "events.jsonl"))
    assert (other.returncode, "name a file of the sandbox" in other.stderr) == (2, True)
    for ended in (wrong, other):
        assert "Traceback" not in ended.stderr


def test_switches_and_datasets_from_the_command_line(tmp_path):
    process, url = sandbox(
        tmp_path, 0, "--switch", "unknown_si=refuse", "--switch", "text_newline=newline", "--dataset", "d"
    )
    assert requests.get(f"{url}/?si=d&eid=e1", timeout=5).text == "e1\n"
    assert requests.get(f"{url}/?si=other&eid=e1", timeout=5).status_code == 400
    process.kill()
