import signal
import sqlite3

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.chaos.processes import sandbox, until


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox")
    process, url = sandbox(folder)
    yield process, url, folder
    process.kill()


@pytest.fixture
def url(served):
    requests.delete(f"{served[1]}/_sandbox/events", timeout=5)
    requests.put(f"{served[1]}/_sandbox/faults", json={"rules": []}, timeout=5)
    return served[1]


def test_get_and_post_and_the_answer_forms(url):
    assert requests.get(f"{url}/?si=d&ti=x&eid=abcdef12", timeout=5).text == "abcdef12"
    assert len(requests.post(url, data={"si": "d", "ti": "x"}, timeout=5).text) == 32
    assert requests.get(f"{url}/?si=d&eid=e1&json", timeout=5).json() == {"eid": "e1"}
    assert requests.get(f"{url}/?si=d&pix", timeout=5).content.startswith(b"GIF89a")
    assert requests.get(f"{url}/_sandbox/stats", timeout=5).json()["accepted"] == 4


def test_what_is_refused(url):
    assert requests.get(f"{url}/?ti=x", timeout=5).status_code == 400
    assert requests.post(url, json={"si": "d"}, timeout=5).status_code == 415
    assert requests.get(f"{url}/?si=d&x={'y' * 9000}", timeout=5).status_code == 414
    assert requests.post(url, data={"si": "d", "x": "y" * 2**20}, timeout=5).status_code == 413
    assert requests.put(f"{url}/_sandbox/faults", data=b"{", timeout=5).status_code == 400
    assert requests.get(f"{url}/_sandbox/events?since=x", timeout=5).status_code == 400


def test_faults_before_and_after_acceptance(url):
    for drop, accepted in (("before", 0), ("after", 1)):
        requests.put(f"{url}/_sandbox/faults", json={"rules": [{"drop": drop}]}, timeout=5)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{url}/?si=d&eid=e1", timeout=5)
        assert requests.get(f"{url}/_sandbox/stats", timeout=5).json()["accepted"] == accepted
    requests.put(f"{url}/_sandbox/faults", json={"rules": [{"status": 429, "retry_after": 7}]}, timeout=5)
    assert requests.get(f"{url}/?si=d", timeout=5).headers["Retry-After"] == "7"


def test_duplicates_are_counted_and_events_are_in_order(url):
    for eid in ("a", "b", "a"):
        requests.get(f"{url}/?si=d&eid={eid}", timeout=5)
    stats = requests.get(f"{url}/_sandbox/stats", timeout=5).json()
    assert (stats["unique_eids"], stats["duplicates"]) == (2, 1)
    events = requests.get(f"{url}/_sandbox/events?since=1&limit=1", timeout=5).json()
    assert [event["eid"] for event in events] == ["b"]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=st.text(st.characters(codec="ascii"), max_size=20), query=st.binary(max_size=60), body=st.binary(max_size=200)
)
def test_no_request_is_an_error_of_ours(served, path, query, body):
    prepared = requests.Request("POST", served[1], data=body).prepare()
    prepared.url = f"{served[1]}/{requests.utils.quote(path)}?{requests.utils.quote(query)}"
    assert requests.Session().send(prepared, timeout=5).status_code < 500


def test_an_answered_event_survives_kill(tmp_path):
    process, url = sandbox(tmp_path)
    eids = [requests.get(f"{url}/?si=d", timeout=5).text for _ in range(20)]
    process.signal(signal.SIGKILL)
    until(lambda: not process.alive, "it is gone")
    stored = sqlite3.connect(tmp_path / "arrived.sqlite").execute("SELECT eid FROM events ORDER BY idx").fetchall()
    assert [row[0] for row in stored] == eids
