"""Flower's own pages over leadrelay's transport: workers, tasks and broker, with nothing personal in them."""

import re
import sys

import pytest
import requests
from leadrelay.queue.valve import Valve

from tests.chaos.processes import Process, free_port, until
from tests.chaos.run import Run
from tests.integration.test_worker import delivered, events

SECRET = "very.secret@example.com"


@pytest.fixture
def run(tmp_path):
    with Run(tmp_path) as started:
        yield started


@pytest.fixture
def page(run):
    """Start the monitor and give a function that fetches one of its pages."""
    port = free_port()
    command = [sys.executable, "-m", "leadrelay", "monitor", "--port", str(port)]
    monitor = Process("monitor", command, run.folder, run.env)

    def fetch(path):
        try:
            return requests.get(f"http://127.0.0.1:{port}/{path}", timeout=5).text
        except requests.ConnectionError:
            return ""

    until(lambda: fetch("broker"), "the monitor answers")
    yield fetch
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


def test_the_broker_page_lists_every_queue_with_its_length(run, page):
    Valve(run.queue).pause("test")
    run.start_worker()
    run.queue.enqueue(events(5))
    rows = dict(re.findall(r'<td>([^<]+)</td>\s*<td class="broker-secondary-column">(\d+)<', page("broker")))
    name = run.queue.keys.name
    assert rows == {
        "leadrelay": "0",
        name("ready"): "5",
        name("returning"): "0",
        name("bulk"): "0",
        name("suspects"): "0",
    }
