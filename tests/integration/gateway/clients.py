"""A gateway as its clients meet it: a real process, a real broker, bytes through sockets."""

import json
import socket
from urllib.parse import urlsplit

import requests
from leadrelay.queue.message import Message

FORM = "application/x-www-form-urlencoded"
SECRET = "a-long-secret"
#: What one mobile client waits for an answer (facts.md).
PATIENCE_S = 3.0


class Queued:
    """A gateway and what it put into the queue."""

    def __init__(self, process, url, queue, folder):
        self.process, self.url, self.queue, self.folder = process, url, queue, folder

    def get(self, query="", **options):
        return requests.get(f"{self.url}/?si=d&ti=x&{query}", timeout=10, **options)

    def post(self, body, path="/", **options):
        return requests.post(f"{self.url}{path}", body, timeout=10, **options)

    def events(self):
        """Give what waits, oldest first."""
        raw = self.queue.client.lrange(self.queue.keys.name("ready"), 0, -1)
        return [json.loads(Message.parse(one).payload) for one in reversed(raw)]

    def last(self):
        return self.events()[-1]

    def counts(self):
        lines = requests.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        own = (line.removeprefix("leadrelay_gateway_") for line in lines if line.startswith("leadrelay_gateway_"))
        return {name: int(float(number)) for name, number in (line.rsplit(" ", 1) for line in own)}


def environment(broker, folder, **more):
    return {
        "LEADRELAY_BROKER_URL": broker.url,
        "LEADRELAY_DATASET_ID": "d",
        "LEADRELAY_ALLOWED_DATASETS": "e, f",
        "LEADRELAY_HOME": str(folder / "home"),
        **more,
    }


def refused(answer, status, reason):
    """No answer without an event has a body: some clients take any body for success."""
    assert (answer.status_code, answer.content) == (status, b"")
    assert reason in answer.headers["leadrelay-reason"]


def connection(relay):
    where = urlsplit(relay.url)
    return socket.create_connection((where.hostname, where.port), timeout=60)
