"""Outages with real processes: what a failing endpoint, dataset, event or worker costs, and who steers."""

import json
import re
import signal

import pytest
import requests
from leadrelay.queue import DeadLetters, Entry
from leadrelay.queue.books import read_books
from leadrelay.queue.core import REJECTED_RUN

from tests.chaos.measures import attempts_of
from tests.chaos.outage import Plan, outage
from tests.chaos.processes import free_port, sandbox, until
from tests.chaos.run import DATASET, Run

#: Minutes of waiting for leases, schedules and clocks.
pytestmark = pytest.mark.slow

QUICK = {"LEADRELAY_PROBE_S": "0.5", "LEADRELAY_PROBE_MAX_S": "2"}
OTHER = "f" * 32


@pytest.fixture
def run(tmp_path):
    with Run(tmp_path) as started:
        started.env |= QUICK
        yield started


def enqueue(run, numbers, si=DATASET, ti="signup"):
    scope = {DATASET: "11111111", OTHER: "22222222"}[si]
    made = []
    for number in numbers:
        payload = {"si": si, "ti": ti, "eid": f"{number:032x}"}
        made.append(Entry(f"{number:032x}", "", scope, json.dumps(payload).encode()))
    run.queue.enqueue(made)


def delivered(run, number, timeout=60):
    until(lambda: run.books().delivered == number, f"{number} delivered", timeout)


def breakers(run):
    return {one.key: one for one in run.books().sending.breakers}


def opened(run, key=""):
    return until(lambda: (one := breakers(run).get(key)) and one.state == "open" and one, f"{key or 'all'} open")


@pytest.mark.parametrize(("pool", "fault"), [("threads", {"status": 503}), ("prefork", {"drop": "before"})])
def test_an_outage_costs_few_attempts_and_ends_gently(tmp_path, pool, fault):
    plan = Plan(
        events=3000,
        users=300,
        rate=400,
        batch=20,
        live=30,
        imported=400,
        outage_s=10,
        before=200,
        ceiling=300,
        probe_s=1,
        probe_max_s=4,
        fault=fault,
        pool=pool,
    )
    outcome = outage(tmp_path, plan)
    rows = {name: kept for name, _, _, kept in outcome.rows() if not name.startswith("estimate")}
    assert all(rows.values()), outcome.failures()
    assert {"lost", "most attempts of an event", "most in one second after the return"} <= rows.keys()
    assert [seconds for _, seconds, _ in outcome.estimates if seconds is None] == [], "none can be made"
    assert (outcome.verdict.findings, outcome.verdict.waiting) == ([], 0)
    assert outcome.verdict.delivered >= plan.events + 2 * plan.imported
    assert outcome.attempts_until_open < 1500
    assert outcome.failed - outcome.attempts_until_open < 200, "no attempts are spent while it is open"
    assert outcome.back_s < plan.probe_max_s + 5
    assert outcome.latencies_ms.keys() == {"alone", "beside an import"}
    assert any(re.match(r"breaker open: \w+ for \d+% of \d+ attempts", reason) for reason in outcome.reasons)
    assert any("slow start" in reason for reason in outcome.reasons)


def test_a_wrong_dataset_and_poisonous_events_hurt_only_themselves(run):
    run.faults({"status": 401, "si": OTHER}, {"status": 403, "ti": "forbidden"}, {"status": 503, "ti": "poison"})
    run.start_worker()
    enqueue(run, range(1, 2), ti="forbidden")
    enqueue(run, range(2, 3), ti="poison")
    enqueue(run, range(3, 203))
    enqueue(run, range(203, 303), si=OTHER)
    delivered(run, 200)
    assert opened(run, "22222222").reason.startswith("401 for ")
    enqueue(run, range(303, 403))
    delivered(run, 300)
    books = run.books()
    assert (books.dead, set(breakers(run)), books.balanced) == (0, {"22222222"}, True)
    run.faults({"status": 403, "ti": "forbidden"}, {"status": 503, "ti": "poison"})
    delivered(run, 400)
    assert max(attempts_of(run.folder)[0][f"{number:032x}"] for number in range(203, 303)) <= 5


def test_a_page_instead_of_an_id_opens_and_nothing_dies(run):
    run.faults({"body": "<html>parked</html>"})
    run.start_worker()
    enqueue(run, range(1, 101))
    assert opened(run).reason.startswith("not an id for ")
    run.faults()
    delivered(run, 100)
    assert run.books().dead == 0


def test_mass_rejection_buries_a_few_and_waits(run):
    run.faults({"status": 400})
    run.start_worker()
    run.start_worker()
    enqueue(run, range(1, 121))
    assert re.match("400 for 2. events in a row", opened(run).reason)
    run.faults()
    delivered(run, 120 - REJECTED_RUN)
    assert [letter.reason for letter in DeadLetters(run.queue).select()] == ["rejected"] * REJECTED_RUN


def test_no_connection_and_back_again(tmp_path):
    with Run(tmp_path) as run:
        port = free_port()
        run.env |= {**QUICK, "LEADRELAY_DESTINATION_URL": f"http://127.0.0.1:{port}"}
        run.start_worker()
        enqueue(run, range(1, 51))
        enqueue(run, range(51, 101), si=OTHER)
        assert opened(run).reason.startswith("connect for 100% of ")
        (tmp_path / "back").mkdir()
        endpoint, _ = sandbox(tmp_path / "back", port)
        try:
            delivered(run, 100)
        finally:
            endpoint.kill()


def test_throttling_lowers_the_rate(run):
    run.faults({"status": 429, "share": 0.3, "retry_after": 1})
    run.start_worker()
    enqueue(run, range(1, 901))
    limited = until(lambda: (one := breakers(run).get("")) and one.state == "limited" and one, "a rate")
    assert limited.reason.startswith("429 for ")
    assert limited.rate
    run.faults()
    delivered(run, 900, 120)


def test_a_worker_that_fails_alone_stops_alone(run):
    broken = run.start_worker(LEADRELAY_DESTINATION_URL="http://127.0.0.1:1")
    run.start_worker()
    run.produce(2400, users=300, rate=400)
    until(lambda: any(key.startswith("@") for key in breakers(run)), "the broken worker is stopped")
    (key,) = breakers(run)
    assert f"/{broken.pid}-" in key
    assert run.books().sending.state == "on"
    run.drain()
    verdict = run.verdict()
    assert (verdict.lost, verdict.out_of_order, verdict.delivered) == ([], 0, 2400)
    assert max(attempts_of(run.folder)[0].values()) <= 5


# Who steers -----------------------------------------------------------------------------------------------------------


def controller(run):
    value = run.broker.client.hget(run.queue.keys.name("flow"), "controller")
    return value.decode().split() if value else ["", "0", "0"]


def steers(run, process):
    return f"/{process.pid}-" in controller(run)[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_another_worker_takes_over_within_seconds_and_the_old_one_changes_nothing(run, number):
    first = run.start_worker()
    until(lambda: steers(run, first), "the first worker is the controller")
    second = run.start_worker()
    until(lambda: run.books().workers == 2, "both claim")
    term = int(controller(run)[1])
    first.signal(number)
    until(lambda: steers(run, second), "the second worker takes over", 6)
    assert int(controller(run)[1]) == term + 1
    run.faults({"status": 503})
    enqueue(run, range(1, 41))
    opened(run)
    if number == signal.SIGSTOP:
        first.signal(signal.SIGCONT)
        until(lambda: run.books().workers == 2, "the first worker is back")
        opened(run)
        assert steers(run, second)
        assert int(controller(run)[1]) == term + 1
    run.faults()
    run.expire_leases()
    delivered(run, 40)


def test_status_says_it_and_an_operator_can_act(run, tmp_path):
    from tests.integration.test_worker import leadrelay  # noqa: PLC0415

    run.env["LEADRELAY_PROBE_S"] = run.env["LEADRELAY_PROBE_MAX_S"] = "60"
    run.faults({"status": 503})
    run.start_worker()
    enqueue(run, range(1, 41))
    opened(run)
    told = leadrelay(run, "status").stdout
    assert re.search(r"^flow       Events do not flow: 503 for \d+% of \d+ attempts, since ", told, re.MULTILINE)
    assert re.search(r"^breaker    all open: 503 .*, next probe in \d", told, re.MULTILINE)
    sending = json.loads(leadrelay(run, "status", "--json").stdout)["sending"]
    assert sending["state"] == "breaker open"
    assert sending["reason"].startswith("503 for ")
    assert sending["since"]
    assert sending["breakers"][0]["next_probe"] > sending["since"]
    run.faults()
    assert leadrelay(run, "rate", "200").returncode == 0
    assert leadrelay(run, "rate", "none").returncode == 2
    assert leadrelay(run, "resume", "--dataset", DATASET).returncode == 2
    assert leadrelay(run, "resume").returncode == 0
    delivered(run, 40)
    assert requests.get(f"{run.url}/_sandbox/stats", timeout=5).json()["duplicates"] == 0
    assert read_books(run.queue).sending.ceiling == 200
