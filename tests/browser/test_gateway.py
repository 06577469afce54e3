"""The gateway as pages of another origin use it: fetch, an image, a JSONP script, a beacon."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from leadrelay.queue import Queue
from leadrelay.queue.message import Message

from tests.chaos.processes import Broker, gateway, until

FETCH = """
const [url, options, done] = arguments;
fetch(url, options).then((answer) => answer.text().then((text) => done([answer.status, answer.type, text,
    answer.headers.get('leadrelay-reason')]))).catch((error) => done([0, '', String(error), null]));"""
IMAGE = """
const [url, done] = arguments;
const image = new Image();
image.onload = () => done([image.naturalWidth, image.naturalHeight]);
image.onerror = () => done('error');
image.src = url;"""
SCRIPT = """
const [url, done] = arguments;
window.page = {received: (answer) => done(answer)};
const script = document.createElement('script');
script.onerror = () => done('error');
script.src = url;
document.body.append(script);"""


class Origin(BaseHTTPRequestHandler):
    """A site that has a page."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a shop</title><link rel=icon href='data:,'><body>")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def shop():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


class Tab:
    """A page of the shop, and the gateway that it sends to."""

    def __init__(self, driver, url, queue):
        self.driver, self.url, self.queue = driver, url, queue

    def fetch(self, query="", **options):
        return self.driver.execute_async_script(FETCH, f"{self.url}/?si=d&ti=x&{query}", options)

    def events(self):
        raw = self.queue.client.lrange(self.queue.keys.name("ready"), 0, -1)
        return [json.loads(Message.parse(one).payload) for one in reversed(raw)]


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    broker = Broker(folder)
    home = str(folder / "home")
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_DATASET_ID": "d", "LEADRELAY_HOME": home}
    process, url = gateway(folder, env)
    yield url, Queue(broker.client)
    process.kill()
    broker.kill()


@pytest.fixture
def tab(driver, shop, relay):
    url, queue = relay
    queue.client.flushall()
    driver.set_script_timeout(30)
    driver.get(shop)
    return Tab(driver, url, queue)


def test_fetch_reads_every_form(tab):
    status, kind, text, _ = tab.fetch()
    assert (status, kind) == (200, "cors")
    assert text == tab.events()[-1]["eid"]
    assert tab.fetch("json")[2] == json.dumps({"eid": tab.events()[-1]["eid"]})
    assert tab.fetch("callback=f")[2] == f'f({{"eid": "{tab.events()[-1]["eid"]}"}});'


@pytest.mark.parametrize("headers", [{"X-Requested-With": "XMLHttpRequest"}, {"Leadrelay-Secret": "none is needed"}])
def test_fetch_with_headers_asks_first(tab, headers):
    headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
    status, _, text, _ = tab.fetch(method="POST", headers=headers, body="plan=pro&email=a%40b.c")
    assert status == 200
    assert [(event["eid"], event["plan"], event["email"]) for event in tab.events()] == [(text, "pro", "a@b.c")]


def test_fetch_of_a_form_and_of_text(tab):
    tab.driver.execute_async_script(
        "fetch(arguments[0], {method: 'POST', body: new URLSearchParams({ti: 'ä', plan: 'a b'})}).then(arguments[1])",
        f"{tab.url}/?si=d",
    )
    tab.driver.execute_async_script(
        "fetch(arguments[0], {method: 'POST', mode: 'no-cors', body: 'ti=x&plan=c'}).then(arguments[1])",
        f"{tab.url}/?si=d",
    )
    assert [(event["ti"], event["plan"]) for event in tab.events()] == [("ä", "a b"), ("x", "c")]


def test_a_refusal_can_be_read(tab):
    status, _, text, reason = tab.fetch("eid=1")
    assert (status, text) == (400, "")
    assert reason.startswith("eid: expected")


def test_an_image(tab):
    assert tab.driver.execute_async_script(IMAGE, f"{tab.url}/?si=d&ti=seen&pix") == [1, 1]
    assert tab.driver.execute_async_script(IMAGE, f"{tab.url}/log?datasetId=d&campaign=spring&email=a%40b.c") == [1, 1]
    assert [event.get("campaign") for event in tab.events()] == [None, "spring"]
    assert tab.driver.execute_async_script(IMAGE, f"{tab.url}/?si=other&ti=seen&pix") == "error"


def test_a_jsonp_script(tab):
    answer = tab.driver.execute_async_script(SCRIPT, f"{tab.url}/?si=d&ti=seen&callback=page.received&json&_=1")
    assert answer == {"eid": tab.events()[-1]["eid"]}


def test_a_beacon_carries_the_visitor(tab):
    assert tab.driver.execute_script(
        "return navigator.sendBeacon(arguments[0], new URLSearchParams({ti: 'left'}))", f"{tab.url}/?si=d"
    )
    event = until(tab.events, "the beacon arrives")[0]
    assert (event["ti"], event["ip"]) == ("left", "127.0.0.1")
    assert event["_ua"] == tab.driver.execute_script("return navigator.userAgent")
