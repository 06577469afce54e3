import asyncio
import sqlite3

import pytest
from leadrelay_sandbox import views
from leadrelay_sandbox.commits import Commits, NotStored
from leadrelay_sandbox.store import Store

from tests.unit.sandbox.test_store import send


class Watched(Store):
    """Counts its commits."""

    commits = 0

    def commit(self):
        super().commit()
        self.commits += 1


def full(store):
    """Leave no room for another page."""
    pages = store.read("PRAGMA page_count").fetchone()[0]
    store.read(f"PRAGMA max_page_count = {pages}")


def test_requests_of_one_turn_share_a_commit_and_none_is_answered_before_it():
    store = Watched()
    commits = Commits(store)

    async def request(number):
        eid = await commits.durable(lambda: send(store, f"eid=e{number}"))
        assert store.commits > 0
        return eid

    async def run():
        first = await asyncio.gather(*(request(number) for number in range(10)))
        second = await asyncio.gather(*(request(number) for number in range(10, 20)))
        return first + second

    assert asyncio.run(run()) == [f"e{number}" for number in range(20)]
    assert store.commits == 2
    assert views.stats(store)["accepted"] == 20


def test_a_full_disk_refuses_all_of_the_turn_and_leaves_nothing_behind():
    store = Store()
    commits = Commits(store)

    async def run():
        await commits.durable(lambda: send(store, "eid=e1&uid=1"))
        full(store)
        large = (commits.durable(lambda n=n: send(store, f"eid=x{n}&uid={n}&x={'y' * 100_000}")) for n in range(3))
        refused = await asyncio.gather(*large, return_exceptions=True)
        assert [type(one) for one in refused] == [NotStored] * 3
        assert "full" in str(refused[0])
        store.read("PRAGMA max_page_count = 100000")
        await commits.durable(lambda: send(store, "eid=e2&uid=1"))

    asyncio.run(run())
    assert [event["eid"] for event in views.events(store, 0, 9)] == ["e1", "e2"]
    assert views.stats(store)["accepted"] == 2


def test_a_change_that_fails_midway_leaves_nothing_behind_and_takes_its_turn_with_it():
    store = Store()
    commits = Commits(store)

    def half():
        send(store, "eid=half&uid=1")
        raise sqlite3.OperationalError("disk I/O error")

    async def run():
        turn = [commits.durable(lambda: send(store, "eid=e1")), commits.durable(half)]
        refused = await asyncio.gather(*turn, return_exceptions=True)
        assert [str(one) for one in refused] == ["disk I/O error"] * 2
        await commits.durable(lambda: send(store, "eid=e2"))

    asyncio.run(run())
    assert [event["eid"] for event in views.events(store, 0, 9)] == ["e2"]
    assert views.stats(store)["accepted"] == 1


def test_a_request_that_is_cancelled_takes_no_other_with_it():
    store = Store()
    commits = Commits(store)

    async def run():
        leaving = asyncio.create_task(commits.durable(lambda: send(store, "eid=e1")))
        staying = asyncio.create_task(commits.durable(lambda: send(store, "eid=e2")))
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        return await staying

    assert asyncio.run(run()) == "e2"
    assert views.stats(store)["accepted"] == 2
