"""From an event loop to the queue or the spool, with a real broker."""

import asyncio
import signal

import leadrelay
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books

from tests.chaos.processes import Broker, until


def test_an_event_loop_tracks_without_being_held_up(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="10000")

    async def main():
        first = await leadrelay.atrack_event("a")  # it may find no connection yet
        ids = await asyncio.gather(*(leadrelay.atrack_event("a", serial=serial) for serial in range(100)))
        return [first, *ids, *await leadrelay.atrack_many([{"ti": "b"}] * 5)]

    ids = asyncio.run(main())
    assert len(set(ids)) == 106
    until(lambda: read_books(Queue(client)).accepted == 106, "all are accepted")
    assert here.handover._of_loops is not None


def test_loops_that_have_ended_leave_no_connection_open(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")
    for _ in range(5):
        asyncio.run(leadrelay.atrack_event("a"))
    assert read_books(Queue(client)).accepted == 6
    assert len(here.handover._of_loops) == 1


def test_an_application_that_cancels_all_its_tasks_reads_no_reply_of_another_event(app, tmp_path):
    broker = Broker(tmp_path)
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")

    async def main():
        await leadrelay.atrack_event("a")
        (link,) = here.handover._of_loops.values()
        broker.process.signal(signal.SIGSTOP)
        call = asyncio.create_task(leadrelay.atrack_event("a"))
        await asyncio.sleep(0.2)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        broker.process.signal(signal.SIGCONT)
        assert call.cancelled()
        assert link._connection is None
        return await leadrelay.atrack_event("last")

    last = asyncio.run(main())
    claims = Queue(broker.client).claim("w", "r", 1000, 10**7, 0).messages
    assert claims[-1].message.eid == last
    broker.kill()


def test_an_event_loop_uses_its_own_connection(app, broker, client):
    here = app(broker.url, TIMEOUT_MS="10000")
    leadrelay.track_event("a")
    before = here.handover._door.opened.link.execute_command

    def refused(*args, **kwargs):
        raise AssertionError("the loop was held up")

    async def main():
        here.handover._door.opened.link.execute_command = refused
        try:
            return [await leadrelay.atrack_event("a") for _ in range(3)]
        finally:
            here.handover._door.opened.link.execute_command = before

    for _ in range(2):  # a second loop has a second connection
        asyncio.run(main())
    assert read_books(Queue(client)).accepted == 7


def test_an_event_loop_goes_on_while_the_broker_hangs(app, tmp_path):
    broker = Broker(tmp_path)
    app(broker.url, TIMEOUT_MS="1000")
    leadrelay.track_event("a")

    async def main():
        ticks = 0

        async def ticking():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.005)
                ticks += 1

        clock = asyncio.create_task(ticking())
        await leadrelay.atrack_event("a")
        broker.process.signal(signal.SIGSTOP)
        ticks = 0
        await asyncio.gather(*(leadrelay.atrack_event("a") for _ in range(20)))
        clock.cancel()
        return ticks

    ticks = asyncio.run(main())
    broker.process.signal(signal.SIGCONT)
    assert ticks > 10, "others ran during the time-out"
    until(lambda: read_books(Queue(broker.client)).accepted == 22, "all are accepted, each once")
    broker.kill()
