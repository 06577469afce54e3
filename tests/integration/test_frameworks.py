"""The examples, on real servers: what their events take from requests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from leadrelay.queue import Queue
from leadrelay.queue.message import Message

from tests.chaos.processes import Process, free_port, until

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
DATASET = "0123456789abcdef0123456789abcdef"
VISITOR = "198.51.100.7"
UID, SID = "1606468777834.459913894", "1606468999000.459913894"
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "Accept-Language": "nl-NL,nl;q=0.9",
    "Referer": "https://shop.example.com/",
    "X-Forwarded-For": f"203.0.113.9, {VISITOR}",
    "Host": "shop.example.com",
}
COOKIES = {
    "_otui": "459913894.1606468777834.1606468777834.1606468777834.1.2",
    "_ots": "3.1606468999000.1606468999000.1606468999000",
}
GUNICORN = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--workers", "1"]
UVICORN = [sys.executable, "-m", "uvicorn", "--port", "{port}", "--no-proxy-headers"]
SERVERS = {
    "django, gunicorn sync": [*GUNICORN, "--chdir", "django_shop", "shop.wsgi"],
    "django, gunicorn gthread": [*GUNICORN, "--threads", "4", "--chdir", "django_shop", "shop.wsgi"],
    "django, uvicorn": [*UVICORN, "--app-dir", "django_shop", "shop.asgi:application"],
    "flask, gunicorn": [*GUNICORN, "flask_shop:app"],
    "fastapi, uvicorn": [*UVICORN, "fastapi_shop:app"],
}


class Shop:
    """A running example, and the browser of one visitor."""

    def __init__(self, name, command, folder, env):
        self.port = free_port()
        self.process = Process(
            name, [part.format(port=self.port) for part in command], folder, {**env, "PYTHONPATH": str(EXAMPLES)}
        )
        self.browser = requests.Session()
        self.browser.headers.update(BROWSER)
        until(self._listens, f"{name} listens")

    def _listens(self):
        assert self.process.alive, self.process.tail()
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/missing", timeout=5).status_code in {400, 404}
        except requests.ConnectionError:
            return False

    def ask(self, method, path, cookies=COOKIES, **options):
        reply = self.browser.request(
            method, f"http://127.0.0.1:{self.port}{path}", timeout=30, cookies=cookies, **options
        )
        assert reply.ok, (reply.text, self.process.tail())
        return reply.json() if reply.content else None


@pytest.fixture
def env(broker):
    return {
        "LEADRELAY_BROKER_URL": broker.url,
        "LEADRELAY_DATASET_ID": DATASET,
        "LEADRELAY_TRUSTED_PROXIES": "127.0.0.0/8",
        "LEADRELAY_TIMEOUT_MS": "5000",
        "SHOP_BROKER_URL": broker.url.replace("/0", "/1"),
    }


@pytest.fixture
def started(tmp_path, env):
    """Start an example; what was started ends with the test."""
    shops = []

    def start(name, **more):
        command = [str(EXAMPLES / part) if part == "django_shop" else part for part in SERVERS[name]]
        shops.append(Shop(name.replace(" ", "-"), command, tmp_path, {**env, **more}))
        return shops[-1]

    yield start
    for shop in shops:
        shop.process.kill()


@pytest.fixture
def tracked(client):
    """Give what waits in the queue, oldest first, without the dataset."""
    queue = Queue(client)

    def events():
        messages = [Message.parse(raw) for raw in client.lrange(queue.keys.name("ready"), 0, -1)]
        found = [json.loads(message.payload) for message in sorted(messages, key=lambda message: message.seq)]
        assert {event.pop("si") for event in found} <= {DATASET}
        return found

    return events


def whole(path, **more):
    return {
        "ip": VISITOR,
        "_ua": BROWSER["User-Agent"],
        "lc": f"http://shop.example.com{path}",
        "ref": BROWSER["Referer"],
        "locale": "nl-NL",
        "uid": UID,
        "sid": SID,
        **more,
    }


@pytest.mark.parametrize("name", SERVERS)
def test_events_are_the_visitors_own(started, tracked, name):
    shop = started(name)
    login = {"data": {"user": "42"}} if "django" in name else {}
    path = "/login" if login else "/login/42"
    eids = [shop.ask("GET", "/?caf%C3%A9=1")["event"], shop.ask("POST", path, **login)["event"]]
    eids.append(shop.ask("GET", "/")["event"])
    events = tracked()
    assert [event.pop("eid") for event in events] == eids
    assert events == [
        whole("/?caf%C3%A9=1", ti="catalogue_viewed"),
        whole(path, ti="login", userId="42"),
        whole("/", ti="catalogue_viewed", userId="42"),
    ]


def test_an_order_names_its_customer_and_never_mixes_two(started, tracked):
    shop = started("django, gunicorn sync")
    shop.ask("POST", "/orders/1", data={"user": "42"})  # nobody is logged in: the browser's user may be another's
    shop.ask("POST", "/login", data={"user": "42"})
    shop.ask("POST", "/orders/2", data={"user": "42"})
    shop.ask("POST", "/orders/3", data={"user": "43"})  # on behalf of somebody else
    orders = {int(event["order"]): event for event in tracked() if event["ti"] == "order_placed"}
    unknown, own, others = (
        {name: text for name, text in orders[number].items() if name not in {"ti", "eid", "order", "line"}}
        for number in (1, 2, 3)
    )
    path = {number: whole(f"/orders/{number}", userId="42") for number in (1, 2)}
    assert unknown == {name: text for name, text in path[1].items() if name not in {"uid", "sid"}}
    assert own == path[2]
    assert others == {"userId": "43", "proxy": "true"}


def test_nothing_of_one_request_is_in_the_next(started, tracked):
    shop = started("django, gunicorn gthread")
    shop.ask("GET", "/")
    shop.browser = requests.Session()
    shop.browser.headers = {"Host": "localhost", "User-Agent": ""}
    shop.ask("GET", "/", cookies=None)
    event = tracked()[1]
    assert event.pop("eid")
    assert event == {"ti": "catalogue_viewed", "ip": "127.0.0.1", "lc": "http://localhost/", "proxy": "true"}


def test_addresses_are_left_out_when_that_is_switched_off(started, tracked):
    shop = started("flask, gunicorn", LEADRELAY_CAPTURE_IP="false")
    shop.ask("GET", "/")
    assert "ip" not in tracked()[0]
    assert tracked()[0]["proxy"] == "true"


def test_after_the_response(started, tracked):
    shop = started("fastapi, uvicorn")
    shop.ask("POST", "/orders/7")
    events = until(lambda: len(tracked()) == 2 and tracked(), "the background task tracked")
    assert {event["ti"]: event["uid"] for event in events} == {"order_placed": UID, "invoice_sent": UID}


@pytest.mark.parametrize("pool", ["solo", "threads", "prefork"])
def test_a_background_task_has_the_context_of_its_request_and_no_other(started, tracked, tmp_path, env, pool):
    command = [sys.executable, "-m", "celery", "-A", "shop.tasks", "worker", "--pool", pool, "--concurrency", "1"]
    worker = Process("tasks", command, tmp_path, {**env, "PYTHONPATH": str(EXAMPLES / "django_shop")})
    try:
        shop = started("django, gunicorn sync")
        shop.ask("POST", "/orders/7/invoice")
        until(tracked, "the task tracked its event", 120)
        shop.browser = requests.Session()
        shop.ask("POST", "/orders/8/invoice", cookies=None)
        events = until(lambda: len(found := tracked()) == 2 and found, "the second task tracked its event", 120)
    finally:
        worker.kill()
    first, second = ({name: text for name, text in event.items() if name != "eid"} for event in events)
    assert first == whole("/orders/7/invoice", ti="invoice_sent", order="7")
    assert not {"uid", "ref", "locale"} & second.keys()


# The project's commands -----------------------------------------------------------------------------------------------


def manage(*args, stdin="", **env):
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=EXAMPLES / "django_shop",
        env={**os.environ, **env},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_is_well():
    assert manage("check").stdout == "System check identified no issues (0 silenced).\n"


def test_check_says_what_is_wrong():
    done = manage("check", LEADRELAY_TIMEOUT_MS="soon")
    assert done.returncode == 1
    assert "(leadrelay.E001) LEADRELAY_TIMEOUT_MS: not a usable value." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_has_the_projects_settings(broker, client, tmp_path):
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_TIMEOUT_MS": "5000"}
    line = json.dumps({"ti": "imported", "userId": "7"})
    assert (
        manage("leadrelay", "import", "-", "--format", "jsonl", "--uid-from", "userId", stdin=line, **env).returncode
        == 0
    )
    status = manage("leadrelay", "status", "--json", **env)
    assert json.loads(status.stdout)["ledger"]["accepted"] == 1
    (raw,) = client.lrange(Queue(client).keys.name("bulk"), 0, -1)
    assert json.loads(Message.parse(raw).payload)["si"] == DATASET, "which only the project's settings name"
    assert manage("leadrelay", "verify", **env).returncode == 0
    unknown = manage("leadrelay", "stauts", **env)
    assert unknown.returncode == 2
    assert "Usage: manage.py leadrelay" in unknown.stderr
