"""The examples without a framework, from the call to the endpoint: gateway, worker and sandbox are real."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.processes import gateway, until
from tests.chaos.run import DATASET, Run

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with Run(tmp_path_factory.mktemp("examples")) as started:
        started.start_worker()
        yield started


@pytest.fixture(scope="module")
def relay(run):
    process, url = gateway(run.folder, {**run.env, "LEADRELAY_GATEWAY_SECRET": "a secret of this test"})
    yield url
    process.kill()


def done(command, env):
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def arrived(run, title, number):
    return until(
        lambda: len(found := [event["params"] for event in run.events() if event["ti"] == title]) >= number and found,
        f"{number} {title} arrive",
    )


def test_a_cron_job_that_is_run_again_makes_no_event_twice(run, tmp_path):
    invoices = tmp_path / "invoices.csv"
    invoices.write_text("invoice,customer,amount,due\n7,c1,10.50,2026-11-01\n8,c2,20,2026-11-02\n")
    command = [sys.executable, str(EXAMPLES / "cron_job.py"), str(invoices)]
    assert done(command, run.env) == "2 overdue\n"
    assert done(command, run.env) == "2 overdue\n"
    invoices.write_text(invoices.read_text() + "9,c1,30,2026-11-03\n")
    assert done(command, run.env) == "3 overdue\n"
    run.drain()
    events = arrived(run, "invoice_overdue", 3)
    assert sorted((event["userId"], event["invoice"], event["amount"], event["job"]) for event in events) == [
        ("c1", "7", "10.50", "overdue"),
        ("c1", "9", "30", "overdue"),
        ("c2", "8", "20", "overdue"),
    ]


@pytest.mark.skipif(not shutil.which("curl"), reason="not on PATH: curl")
def test_a_webhook_in_another_language_is_delivered_once_however_often_it_comes(run, relay):
    env = {"GATEWAY": relay, "DATASET": DATASET, "SECRET": "a secret of this test"}
    paid = [str(EXAMPLES / "webhook.sh"), "c3", "4711", "99.50"]
    eid = done(paid, env)
    assert done(paid, env) == eid
    run.drain()
    (sent,) = arrived(run, "invoice_paid", 1)
    assert sent["eid"] == eid
    assert (sent["userId"], sent["invoice"], sent["amount"], sent["proxy"]) == ("c3", "4711", "99.50", "true")


@pytest.mark.skipif(not shutil.which("curl"), reason="not on PATH: curl")
def test_a_webhook_without_the_secret_fails_and_says_so(relay):
    env = {**os.environ, "GATEWAY": relay, "DATASET": DATASET, "SECRET": ""}
    paid = [str(EXAMPLES / "webhook.sh"), "c3", "4712", "1"]
    failed = subprocess.run(paid, capture_output=True, text=True, env=env, check=False, timeout=120)
    assert failed.returncode != 0
    assert "401" in failed.stderr
    assert failed.stdout == ""
