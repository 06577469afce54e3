"""What the monitor's pages ask for and do, over a real broker: the same as the command line, and recorded alike."""

import json
import re

import pytest
from leadrelay.queue import DeadLetters, Settlement, Valve
from leadrelay.queue.audit import read_audit
from leadrelay.queue.replay import read_records
from leadrelay.queue.samples import Samples
from leadrelay_worker.monitor.jobs import Job
from leadrelay_worker.monitor.mending import drop

from tests.chaos.processes import until
from tests.chaos.run import Run
from tests.integration.test_worker import delivered, events
from tests.letters import LANE, die, event, go_out
from tests.monitors import Monitor

ADDRESS = "ann@example.com"


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    with Run(tmp_path_factory.mktemp("run")) as run:
        yield run


@pytest.fixture(scope="module")
def served(started, tmp_path_factory):
    monitor = Monitor(tmp_path_factory.mktemp("monitor"), started.env)
    yield monitor
    monitor.stop()
    assert ADDRESS not in monitor.process.log.read_text()


@pytest.fixture
def run(started):
    started.empty()
    return started


@pytest.fixture
def monitor(served, run):
    return served


def _acts(run):
    return [(act.by, act.act, act.detail) for act in read_audit(run.queue) if act.act != "breaker"]


# Delivery -------------------------------------------------------------------------------------------------------------


def test_a_pause_says_who_why_and_until_when(run, monitor):
    run.queue.enqueue([event(1)])
    assert monitor.post("delivery/pause", {"reason": " of  the\nendpoint ", "for": "30m"}).ok
    seen = monitor.get("delivery/state").json()
    assert seen["verdict"]["says"] == "Sending is paused"
    assert seen["verdict"]["why"] == "by monitor: of the endpoint"
    assert seen["sending"]["until"] - seen["now"] == pytest.approx(30 * 60_000, abs=60_000)
    assert (seen["backlog"], seen["verdict"]["press"]) == (1, "resume")
    assert monitor.post("delivery/resume").ok
    assert monitor.get("delivery/state").json()["sending"]["state"] == "on"
    assert _acts(run) == [("monitor", "resume", ""), ("monitor", "pause", "of the endpoint")]


@pytest.mark.parametrize(
    "wrong", [{"per_s": "0"}, {"per_s": -1}, {"per_s": "fast"}, {"per_s": "inf"}, {"per_s": [1]}], ids=str
)
def test_a_rate_that_is_none_is_refused_with_a_sentence(monitor, wrong):
    reply = monitor.post("delivery/rate", wrong)
    assert (reply.status_code, reply.json()["error"][:6]) == (422, "rate: ")


def test_a_rate_is_set_and_lifted(run, monitor):
    assert monitor.post("delivery/rate", {"per_s": "12.5"}).ok
    assert monitor.get("delivery/state").json()["sending"]["ceiling"] == 12.5
    assert monitor.post("delivery/rate", {"per_s": ""}).ok
    assert monitor.get("delivery/state").json()["sending"]["ceiling"] is None


def test_a_length_that_cannot_be_read_pauses_nothing(run, monitor):
    reply = monitor.post("delivery/pause", {"for": "soon"})
    assert (reply.status_code, reply.json()["error"][:4]) == (422, "for:")
    assert _acts(run) == []


def test_what_is_scheduled_is_told_by_when_it_is_due(run, monitor):
    run.queue.enqueue([event(number) for number in range(3)])
    go_out(run.queue, "scheduled", "30000", limit=1)
    go_out(run.queue, "scheduled", "1800000", limit=1)
    go_out(run.queue, "scheduled", "86400000", limit=1)
    assert monitor.get("delivery/state").json()["due"] == [[60, 1], [600, 0], [3600, 1], [None, 1]]


def test_lines_lie_in_the_broker_and_outlive_the_monitor(run, monitor, tmp_path):
    run.queue.enqueue([event(number) for number in range(5)])
    assert Samples(run.queue).record()
    for shown in (monitor, Monitor(tmp_path, run.env)):
        lines = shown.get("delivery/history").json()["hour"]
        assert lines["waiting"][-1] == 5
        assert lines["until"] - lines["since"] == 3_600_000
    shown.stop()


def test_a_run_from_tracked_to_delivered_is_seen(run, monitor):
    worker = run.start_worker()
    run.queue.enqueue(events(20))
    delivered(run, 20)
    seen = until(lambda: (seen := monitor.get("delivery/state").json())["workers"] and seen, "the worker is counted")
    assert (seen["ledger"]["delivered"], seen["verdict"]["level"]) == (20, "ok")
    home = until(lambda: monitor.get("delivery/history").json()["latency"]["home"], "latencies are known")
    assert home["events"] >= 20
    assert monitor.get("delivery/history").json()["latency"]["hours"]["events"] == 20
    worker.stop()


# Dead letters ---------------------------------------------------------------------------------------------------------


def _list(monitor, **filters):
    after, found = None, []
    while True:
        page = monitor.post("dead-letters/list", {"filters": filters, "after": after}).json()
        found += page["letters"]
        after = page["rest"]
        if after is None:
            return found


def test_letters_are_listed_page_by_page_and_counted(run, monitor):
    seqs = die(run.queue, [event(number) for number in range(60)], "expired")
    refused = die(run.queue, [event(100 + number, ti=f"welcome {ADDRESS}") for number in range(60)], "refused")
    first = monitor.post("dead-letters/list").json()
    assert len(first["letters"]) == 50
    assert [letter["seq"] for letter in _list(monitor)] == seqs + refused
    assert [letter["seq"] for letter in _list(monitor, reason="refused")] == refused
    counts = monitor.post("dead-letters/counts", {"filters": {}}).json()
    assert counts["by_reason"] == {"expired": 60, "refused": 60}
    assert counts["by_title"] == {"signup": 60, "welcome <address>": 60}
    assert (counts["matching"], counts["rest"]) == (120, None)


def test_a_user_is_found_and_never_told(run, monitor):
    seqs = die(run.queue, [event(1, email="Ann@Example.com"), event(2, userId="7"), event(3, email="bob@example.com")])
    reply = monitor.post("dead-letters/list", {"filters": {"user": f" {ADDRESS}"}})
    assert [letter["seq"] for letter in reply.json()["letters"]] == seqs[:1]
    assert "example" not in reply.text.lower()


@pytest.mark.parametrize(
    "body",
    [
        {"filters": {"since": "yesterday"}},
        {"filters": {"eid": "x"}},
        {"filters": [1]},
        {"after": [1]},
        {"after": "x"},
        [],
        "x",
    ],
    ids=str,
)
def test_what_cannot_be_read_is_refused_with_a_sentence(monitor, body):
    reply = monitor.session.post(
        f"{monitor.url}/dead-letters/list", data=json.dumps(body),
        headers={"X-XSRFToken": monitor.session.cookies["_xsrf"]}, timeout=60,
    )  # fmt: skip
    assert reply.status_code in (400, 422)
    assert reply.json()["error"]


def test_one_letter_in_full(run, monitor):
    (seq,) = die(run.queue, [event(1, email=ADDRESS)], "rejected")
    seen = monitor.get(f"dead-letters/{seq}/content").json()
    assert seen["content"]["event"]["email"] == ADDRESS
    assert seen["history"][0]["reason"] == "http_403"
    assert "eid" not in seen["editable"]
    assert monitor.get("dead-letters/999/content").status_code == 404


def test_an_edit_is_checked_as_an_event_is_and_says_what_is_wrong_by_name(run, monitor):
    (seq,) = die(run.queue, [event(1, email=ADDRESS)])
    wrong = {"si": "d1", "ti": "signup", "eid\u00e9": ADDRESS}
    reply = monitor.post(f"dead-letters/{seq}/edit", {"event": wrong, "revision": 0})
    assert reply.status_code == 422
    assert "printable ASCII" in reply.json()["error"]
    assert ADDRESS not in reply.text
    assert monitor.post(f"dead-letters/{seq}/edit", {"event": "x", "revision": 0}).status_code == 422
    right = {"si": "d1", "ti": "signup", "plan": "pro"}
    assert monitor.post(f"dead-letters/{seq}/edit", {"event": right, "revision": 0}).json() == {"revision": 1}
    again = monitor.post(f"dead-letters/{seq}/edit", {"event": right, "revision": 0})
    assert (again.status_code, "edited by someone else" in again.json()["error"]) == (409, True)
    assert monitor.get(f"dead-letters/{seq}/content").json()["content"]["event"]["plan"] == "pro"
    assert [(act["by"], act["act"]) for act in monitor.get(f"dead-letters/{seq}/content").json()["acts"]] == [
        ("monitor", "edit")
    ]


def test_one_is_replayed_or_dropped_and_its_life_is_told(run, monitor):
    one, other = die(run.queue, [event(7001), event(7002)])
    assert monitor.post(f"dead-letters/{one}/replay").json()["replayed"] == 1
    assert monitor.post(f"dead-letters/{one}/replay").status_code == 404
    assert monitor.post(f"dead-letters/{other}/drop", {"because": ""}).status_code == 422
    assert monitor.post(f"dead-letters/{other}/drop", {"because": "of a test"}).json() == {"dropped": 1}
    assert _acts(run) == [("monitor", "drop", f"number {other}: of a test"), ("monitor", "replay", f"number {one}")]
    told = monitor.job(f"event/{7001:032x}/trace")["result"]
    assert (told["state"], [act["act"] for act in told["acts"]]) == ("ready", ["replay"])
    told = monitor.job(f"event/{7002:032x}/trace")["result"]
    assert (told["state"], [act["detail"] for act in told["acts"]]) == ("gone", [f"number {other}: of a test"])


def test_a_stale_letter_is_not_replayed_unless_told(run, monitor):
    (seq,) = die(run.queue, [event(1, LANE)])
    run.queue.enqueue([event(2, LANE)])
    go_out(run.queue)
    reply = monitor.post(f"dead-letters/{seq}/replay")
    assert (reply.status_code, reply.json()["error"][:5]) == (409, "stale")
    assert monitor.post(f"dead-letters/{seq}/replay", {"allow_stale": True}).ok


def test_all_that_match_are_replayed_as_a_recorded_run(run, monitor):
    die(run.queue, [event(number) for number in range(30)], "refused")
    kept = die(run.queue, [event(100)], "rejected")
    job = monitor.job("dead-letters/replay", {"filters": {"reason": "refused"}})
    assert (job["state"], job["result"]["replayed"]) == ("done", 30)
    assert [letter["seq"] for letter in _list(monitor)] == kept
    (record,) = read_records(DeadLetters(run.queue))
    assert (record.state, record.by, record.what, record.replayed) == ("done", "monitor", "reason=refused", 30)
    assert run.books().balanced


def test_a_replay_that_is_cancelled_stands_where_it_stood_and_goes_on(run, monitor):
    die(run.queue, [event(number) for number in range(40)], "refused")
    job = monitor.post("dead-letters/replay", {"filters": {}, "rate": 4}).json()
    until(lambda: monitor.get(f"jobs/{job['id']}").json()["progress"].get("replayed"), "it has begun")
    assert monitor.post("dead-letters/replay", {"filters": {}}).status_code == 429
    assert monitor.post(f"jobs/{job['id']}/cancel").ok
    until(lambda: monitor.get(f"jobs/{job['id']}").json()["state"] == "stopped", "it has stopped")
    seen = monitor.get("dead-letters/replays").json()
    assert seen["records"][0]["state"] == "stopped"
    so_far = seen["records"][0]["replayed"]
    assert 0 < so_far < 40
    job = monitor.job("dead-letters/replay", {"filters": {}})
    assert (job["result"]["replayed"], job["result"]["in_run"]) == (40 - so_far, 40)
    assert run.books().ready == 40


def test_a_monitor_that_ends_leaves_a_replay_where_it_stands(run, tmp_path):
    die(run.queue, [event(number) for number in range(40)], "refused")
    monitor = Monitor(tmp_path, run.env)
    assert monitor.post("dead-letters/replay", {"filters": {}, "rate": 1}).ok
    until(lambda: run.books().ready, "it has begun")
    assert monitor.process.stop(60) == 0
    (record,) = read_records(DeadLetters(run.queue))
    assert (record.state, record.replayed) == ("stopped", run.books().ready)


def test_all_that_match_are_dropped_with_their_reason(run, monitor):
    die(run.queue, [event(number) for number in range(700)], "expired")
    kept = die(run.queue, [event(1000)], "rejected")
    assert monitor.post("dead-letters/drop", {"filters": {"reason": "expired"}}).status_code == 422
    job = monitor.job("dead-letters/drop", {"filters": {"reason": "expired"}, "because": "too late"})
    assert job["result"] == {"dropped": 700}
    assert [letter["seq"] for letter in _list(monitor)] == kept
    assert _acts(run) == [("monitor", "drop", "too late")]
    assert run.books().balanced


def test_a_drop_that_is_cancelled_ends_after_its_step(run):
    die(run.queue, [event(number) for number in range(700)], "expired")
    job = Job("drop", "all", "ann")
    job.stop()
    assert drop(DeadLetters(run.queue), {}, "ann", "a test", job) == {"dropped": 500}
    assert run.books().dead == 200


# Events ---------------------------------------------------------------------------------------------------------------


def test_the_life_of_an_event_that_waits_and_of_one_that_was_delivered(run, monitor):
    sent = events(1, email=ADDRESS)
    worker = run.start_worker()
    run.queue.enqueue(sent)
    delivered(run, 1)
    told = until(
        lambda: (told := monitor.job(f"event/{sent[0].eid}/trace")["result"])["state"] == "delivered" and told,
        "the history has it",
    )
    assert told["endings"][0]["reason"] == "http_200"
    assert ADDRESS not in json.dumps(told)
    worker.stop()
    assert monitor.job("event/unknown/trace")["result"]["known"] is False


def test_the_events_of_a_user_are_found_in_every_state(run, monitor):
    run.queue.enqueue([event(1, email=ADDRESS)])
    go_out(run.queue, "scheduled", "600000")
    die(run.queue, [event(2, email=ADDRESS)])
    run.queue.enqueue([event(3, email=ADDRESS.upper()), event(4, email="bob@example.com"), event(5, userId=ADDRESS)])
    claimed = run.queue.claim("w", "c", 1, 10**6, 0).messages[0]
    job = monitor.job("users/events", {"user": ADDRESS})
    assert {found["state"] for found in job["result"]["events"]} == {"scheduled", "dead", "in_flight", "ready"}
    assert len(job["result"]["events"]) == 4
    assert "example" not in json.dumps(job).lower()
    run.queue.settle("w", "s", [Settlement(claimed.token, "ready")])
    assert monitor.post("users/events", {"user": " "}).status_code == 422


# Ledger ---------------------------------------------------------------------------------------------------------------


def test_the_books_are_shown_and_recounted(run, monitor):
    run.queue.enqueue([event(number) for number in range(10)])
    seen = monitor.get("ledger/state").json()
    assert (seen["ledger"]["ready"], seen["expected"]["ready"], seen["findings"], seen["witness"]) == (10, 10, [], [])
    assert monitor.job("ledger/verify")["result"] == {"read": 10, "accepted": 10, "findings": []}
    run.broker.client.rpop(run.queue.keys.name("ready"))
    assert "1 lost" in monitor.get("ledger/state").json()["findings"][0]
    assert "1 lost" in monitor.job("ledger/verify")["result"]["findings"][0]


def test_the_audit_is_shown_page_by_page(run, monitor):
    for number in range(60):
        Valve(run.queue).set_rate("ann", number + 1)
    first = monitor.get("ledger/audit").json()
    assert (len(first["acts"]), first["rest"]) == (50, 50)
    second = monitor.get("ledger/audit?from=50").json()
    assert (len(second["acts"]), second["rest"], second["acts"][-1]["detail"]) == (10, None, "at most 1 a second")
    assert monitor.get("ledger/audit?from=x").status_code == 400


# All of it ------------------------------------------------------------------------------------------------------------


def test_a_broker_that_is_away_is_said_and_pages_are_still_shown(tmp_path):
    with Run(tmp_path) as run:
        monitor = Monitor(tmp_path, run.env)
        run.broker.kill()
        for path in ("delivery/state", "delivery/history", "ledger/state", "dead-letters/replays"):
            reply = monitor.get(path)
            assert (reply.status_code, reply.json()["error"][:10]) == (503, "the broker")
        assert monitor.post("delivery/pause").status_code == 503
        assert monitor.get("delivery").ok
        run.broker.start()
        until(lambda: monitor.get("delivery/state").ok, "it answers again")
        monitor.stop()


def test_under_a_prefix_every_link_leads_there(run, tmp_path):
    monitor = Monitor(tmp_path, run.env, prefix="flower")
    page = monitor.get("delivery").text
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))
    assert {link.split("/")[1] for link in links} == {"flower"}
    for link in links:
        assert monitor.session.get(f"http://127.0.0.1:{monitor.port}{link}", timeout=60).ok, link
    assert monitor.get("delivery/state").ok
    assert monitor.get("leadrelay/delivery.js").ok
    monitor.stop()
