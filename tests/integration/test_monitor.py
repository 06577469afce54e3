"""Flower's own pages over leadrelay's transport: workers, tasks and broker, with nothing personal in them."""

import os
import re
import subprocess
import sys

import pytest
import requests
from leadrelay.queue.valve import Valve

from tests.chaos.processes import Process, free_port, until
from tests.chaos.run import Run
from tests.integration.test_worker import delivered, events
from tests.monitors import Monitor

SECRET = "very.secret@example.com"
#: Tells whether a variable of an application is still there when Celery has listed its commands.
LISTED = "import os, celery.bin.celery as c; print(sorted(c.celery.commands), os.environ['CELERY_BROKER_URL'])"


@pytest.fixture
def run(tmp_path):
    with Run(tmp_path) as started:
        yield started


@pytest.fixture
def page(run):
    """Start the monitor and give a function that fetches one of its pages."""
    monitor = Monitor(run.folder, run.env)
    yield lambda path: monitor.get(path).text
    monitor.stop()


def test_workers_and_tasks_are_shown_without_personal_data(run, page):
    run.start_worker()
    until(lambda: "w0@" in page("workers"), "the worker is listed")
    sent = events(3, email=SECRET)
    run.queue.enqueue(sent)
    delivered(run, 3)
    for event in sent:
        task = until(lambda event=event: "SUCCESS" in (text := page(f"task/{event.eid}")) and text, "the task is shown")
        assert SECRET not in task
        assert all(f">{told}<" in task for told in ("Received", "Started", "Succeeded"))
    cells = re.findall("<td>(.*?)</td>", page("workers"))
    assert dict(zip(("active", "processed", "failed", "succeeded"), cells[2:], strict=False)) == {
        "active": "0",
        "processed": "3",
        "failed": "0",
        "succeeded": "3",
    }
    assert not (run.folder / "flower").exists(), "nothing is kept in pickle"


def test_the_broker_page_lists_every_queue_with_its_length(run, page):
    Valve(run.queue).pause("test")
    run.start_worker()
    run.queue.enqueue(events(5))
    assert "/delivery" in page("broker")
    rows = dict(re.findall(r'<td>([^<]+)</td>\s*<td class="broker-secondary-column">(\d+)<', page("broker")))
    name = run.queue.keys.name
    assert rows == {
        "leadrelay": "0",
        name("ready"): "5",
        name("returning"): "0",
        name("bulk"): "0",
        name("suspects"): "0",
    }


def test_celery_has_the_command_and_an_application_beside_keeps_its_environment(tmp_path):
    env = {**os.environ, "CELERY_BROKER_URL": "redis://app.example/7"}
    listed = subprocess.run([sys.executable, "-c", LISTED], env=env, capture_output=True, text=True, check=True).stdout
    assert "'monitor'" in listed
    assert "redis://app.example/7" in listed
    (tmp_path / "other.py").write_text("from celery import Celery\napp = Celery('other', broker='memory://')\n")
    command = [sys.executable, "-m", "celery", "-A", "other", "monitor"]
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (refused.returncode, "celery -A leadrelay_worker.celery monitor" in refused.stderr) == (2, True)


def test_celerys_command_takes_flowers_options_and_our_defaults(run):
    port = free_port()
    command = [sys.executable, "-m", "celery", "-A", "leadrelay_worker.celery", "monitor", f"--port={port}"]
    monitor = Process("celery-monitor", command, run.folder, {**run.env, "FLOWER_MAX_TASKS": "77"})
    until(lambda: "/delivery" in monitor.log.read_text(), "it says where it listens")
    shown = until(lambda: requests.get(f"http://127.0.0.1:{port}/ledger", timeout=30).text, "it answers")
    assert "Ledger" in shown
    assert monitor.stop() == 0


def test_an_option_that_flower_does_not_have_is_refused(run):
    command = [sys.executable, "-m", "leadrelay", "monitor", "--presistent"]
    monitor = Process("refused", command, run.folder, run.env)
    assert monitor.child.wait(60) == 2
    assert "--presistent: Flower has no such option" in monitor.log.read_text()
