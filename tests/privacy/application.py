"""An application that tracks people in every way there is, rightly and wrongly; run by `test_planted`."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import traceback
from typing import TYPE_CHECKING

import leadrelay
from celery import Celery
from leadrelay import errors

from tests.privacy.plants import MARK, NETWORK, address, call

if TYPE_CHECKING:
    from collections.abc import Callable


class Odd:
    """A value that no event can have, with somebody in what it prints."""

    def __repr__(self) -> str:
        return address("repr")

    def __str__(self) -> str:
        raise ValueError(address("str"))


#: Calls that are wrong, each in another way.
WRONG = (
    {"title": "", "email": address("empty")},
    {"title": "odd", "properties": {"x": Odd()}},
    {"title": "odd", "properties": {f"naïve {address('ascii')}": "x"}},
    {"title": "odd", "properties": {f"{address('long')} " * 30: "x"}},
    {"title": "odd", "properties": {"email": [address("list")]}},
    {"title": "odd", "email": address("twice"), "properties": {"email": address("again")}},
    {"title": "odd", "note": f"{address('large')} " * 5000},
    {"title": "odd", "eid": address("eid")},
    {"title": "odd", "user_agent": 7, "email": address("agent")},
    {"title": address("titled"), "lane": Odd()},
    {"title": "odd", "user_id": f"{MARK}-near-miss", "e-mail": address("near")},
)


def tried(act: Callable[[], object]) -> None:
    """Do something wrong, and print what an application's log has of it."""
    try:
        act()
    except errors.LeadrelayError:
        traceback.print_exc()


def main() -> None:
    logging.basicConfig(level=logging.DEBUG)
    for title in ("echo", "redirect", "throttle", "page", f"mail to {address('title')} from {NETWORK}9"):
        leadrelay.track_event(title, **call(title.split()[0]))
    leadrelay.track_event("keyed", idempotency_key=address("key"), lane=address("lane"), **call("keyed"))
    with leadrelay.context(ip=f"{NETWORK}8", user_agent=f"Mozilla ({MARK})", email=address("context")):
        leadrelay.track_event("visited", user_agent=f"Mozilla/5.0 ({address('ua')})")
    leadrelay.track_many([{"ti": "many", **call("many")}])
    leadrelay.track_url(f"https://log.example/?si=other&ti=url&email={address('url')}")
    leadrelay.update_user(**call("user"))
    asyncio.run(leadrelay.atrack_event("async", **call("async")))
    for wrong in WRONG:
        named = {name: wrong[name] for name in wrong if name != "title"}
        tried(lambda wrong=wrong, named=named: leadrelay.track_event(wrong["title"], **named))
        tried(lambda wrong=wrong, named=named: leadrelay.track_many([{"ti": wrong["title"], **named}]))
    if os.environ.get("PLAIN"):
        plain = Celery("plain", broker=os.environ["LEADRELAY_BROKER_URL"])
        plain.send_task("track_event", ["celery"], call("celery"), queue="leadrelay")
        plain.send_task("track_event", [address("position"), address("position")], queue="leadrelay")
        plain.send_task("another_task", [address("another")], queue="leadrelay")
        plain.send_task("track_event", ["celery"], {"eta": address("kwargs")}, queue="leadrelay", serializer="pickle")


if __name__ == "__main__":
    sys.exit(main())
