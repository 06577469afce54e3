import asyncio

import pytest
from leadrelay.gateway.bodies import Bodies
from leadrelay.serving.asgi import Gone, Refused


class Client:
    """Sends a body in parts, each when the test says so."""

    def __init__(self):
        self.messages = asyncio.Queue()

    async def receive(self):
        message = await self.messages.get()
        self.messages.task_done()
        return message

    def send(self, part, *, more=True):
        self.messages.put_nowait({"type": "http.request", "body": part, "more_body": more})

    def leave(self):
        self.messages.put_nowait({"type": "http.disconnect"})


async def read(bodies, client, most=10):
    async with bodies.read(client.receive, most) as body:
        await asyncio.sleep(0)
        return body


async def begun(bodies, client):
    task = asyncio.ensure_future(read(bodies, client))
    await asyncio.sleep(0)
    await client.messages.join()
    return task


def test_bodies_that_come_slowly_keep_no_room_from_others():
    async def main():
        bodies, slow, quick = Bodies(10), [Client() for _ in range(9)], Client()
        tasks = [await begun(bodies, client) for client in slow]
        quick.send(b"12345", more=False)
        assert await read(bodies, quick) == b"12345"
        for client in slow:
            client.send(b"x", more=False)
        assert await asyncio.gather(*tasks) == [b"x"] * 9

    asyncio.run(main())


def test_what_has_come_is_bounded_in_sum_and_given_back_however_it_ends():
    async def main():
        bodies, first, second = Bodies(10), Client(), Client()
        first.send(b"123456")
        task = await begun(bodies, first)
        second.send(b"12345", more=False)
        with pytest.raises(Refused, match="too many bodies") as refused:
            await read(bodies, second)
        assert refused.value.status == 503
        first.leave()
        with pytest.raises(Gone):
            await task
        too_long = Client()
        too_long.send(b"1234567890")
        with pytest.raises(Refused, match="too large"):
            await read(bodies, too_long, 9)
        whole = Client()
        whole.send(b"1234567890", more=False)
        assert await read(bodies, whole) == b"1234567890"

    asyncio.run(main())
