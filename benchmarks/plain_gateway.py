"""What the gateway is measured against: the same server and event, one call to the queue for each request."""

from __future__ import annotations

import os
import sys
from typing import Any

import redis.asyncio as redis
import uvicorn
from leadrelay.client import Client
from leadrelay.event import Event
from leadrelay.ids import new_eid
from leadrelay.queue import Queue
from leadrelay.queue.core import RECENT_WINDOW
from leadrelay.queue.scripts import sha, source
from leadrelay.serving.asgi import Reply, answer, header_of, read_body
from leadrelay.settings import Settings
from leadrelay.trackapi.forms import of_event, parameters
from redis import exceptions

settings = Settings.load()
broker = redis.Redis.from_url(os.environ["LEADRELAY_BROKER_URL"])
client: Any = Client(settings, Queue(None))  # type: ignore[arg-type] # makes entries; never asked


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Put one event into the queue and answer with its id."""
    wire = {"eid": new_eid(), **of_event(parameters(scope["query_string"], await read_body(receive)))}
    event = Event.received(wire, header_of(scope["headers"], b"user-agent").decode("latin-1"))
    keys = [*client.queue.keys.all, client.queue.keys.batches]
    args = ["ready", 0, RECENT_WINDOW, "", "", *client.entry(event).arguments()]
    try:
        await broker.evalsha(sha("enqueue"), len(keys), *keys, *args)
    except exceptions.NoScriptError:
        await broker.eval(source("enqueue"), len(keys), *keys, *args)
    await answer(send, Reply(200, event.eid.encode()))


if __name__ == "__main__":
    quiet: dict[str, Any] = {"log_level": "error", "access_log": False, "lifespan": "off", "ws": "none"}
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), http="httptools", loop="asyncio", **quiet)
