"""The example of a page, driven in the browser, through gateway, worker and sandbox."""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.chaos.processes import gateway, until
from tests.chaos.run import DATASET, Run

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=EXAMPLES))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/browser.html"
    server.shutdown()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with Run(tmp_path_factory.mktemp("example")) as started:
        started.start_worker()
        yield started


@pytest.fixture(scope="module")
def relay(run):
    process, url = gateway(run.folder, run.env)
    yield url
    process.kill()


def arrived(run, title):
    return until(lambda: [event for event in run.events() if event["ti"] == title], f"{title} arrives")[-1]


def test_image_fetch_and_beacon_arrive_as_the_visitors(driver, site, run, relay):
    driver.get(site.replace("browser.html", "missing"))
    driver.add_cookie({"name": "_otui", "value": "459913894.1606468777834.1606468777834.1606468777834.1.2"})
    driver.add_cookie({"name": "_ots", "value": "3.1606468999000.1606468999000.1606468999000"})
    driver.get(f"{site}?gateway={relay}&dataset={DATASET}")
    driver.find_element("css selector", "#trial").click()
    said = until(lambda: driver.find_element("css selector", "#answer").text, "the page says what came of it")
    driver.get("about:blank")
    events = {title: arrived(run, title) for title in ("page_viewed", "trial_started", "page_left")}
    assert said == f"Started: {events['trial_started']['eid']}"
    assert events["trial_started"]["params"]["plan"] == "pro"
    for event in events.values():
        assert (event["uid"], event["sid"]) == ("1606468777834.459913894", "1606468999000.459913894")
        assert event["counted"]
        assert event["params"]["ip"] == "127.0.0.1"
        assert event["params"]["lc"] == site
        assert event["enriched"], "of the browser's User-Agent"


def test_without_cookies_or_gateway_the_page_says_so_and_works_again(driver, site, run, relay):
    driver.get(site.replace("browser.html", "missing"))
    driver.delete_all_cookies()
    driver.get(f"{site}?gateway=http://127.0.0.1:1&dataset={DATASET}")
    driver.find_element("css selector", "#trial").click()
    until(lambda: driver.find_element("css selector", "#answer").text == "Please try again.", "it says so")
    driver.get(f"{site}?gateway={relay}&dataset={DATASET}")
    driver.find_element("css selector", "#trial").click()
    said = until(lambda: driver.find_element("css selector", "#answer").text, "the page says what came of it")
    event = until(lambda: [one for one in run.events() if said.endswith(one["eid"])], "the trial arrives")[0]
    assert "uid" not in event["params"]
    assert driver.get_log("browser")  # what could not be reached, which is for this test alone
