"""A TCP link that fails on demand: between a client and the broker, or between a worker and the endpoint."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Literal

#: From the client to the server, and back.
Direction = Literal["up", "down"]

_CHUNK = 65536
#: Makes a close a reset: what is not sent yet is dropped.
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Link:
    """How the link behaves for all connections, from now on.

    Args:
        delay_s: Seconds by which each piece of a stream comes later.
        bytes_per_s: A reply trickles, byte by byte, at this rate; 0 for full speed.
        reset_share: Part of the replies, 0 to 1, in whose middle the connection is reset.
        refuse: New connections are reset at once.
    """

    delay_s: float = 0.0
    bytes_per_s: float = 0.0
    reset_share: float = 0.0
    refuse: bool = False


@dataclass(eq=False)
class Pair:
    """One connection through the proxy: the client's side and the server's."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    lost: set[Direction] = field(default_factory=set)

    def reset(self) -> None:
        """End both sides by a reset."""
        for side in (self.client, self.server):
            reset(side)


class Proxy:
    """Forwards a port of its own on loopback to another, from a thread of its own.

    Args:
        port: Where to.
        seed: Of its choices.

    Attributes:
        link: How the link behaves; replace it.
        lost_replies: How many replies may have been lost on the way, at most.
    """

    def __init__(self, port: int, seed: int = 1) -> None:
        """See the class."""
        self.link = Link()
        self.lost_replies = 0
        self._target = port
        self._chance = random.Random(seed)
        self._pairs: set[Pair] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = int(self._listener.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Reset every connection that is open."""
        self._call(self._cut)

    def half_open(self, direction: Direction) -> None:
        """Swallow what is sent in one direction on the connections that are open, and say nothing; new ones work."""
        self._call(lambda: self._swallow(direction))

    def close(self) -> None:
        """Reset every connection and stop."""
        self.link = Link(refuse=True)
        self._call(self._cut)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _call(self, act: object) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (act(), done.set()))  # type: ignore[operator]
        done.wait(5)

    def _cut(self) -> None:
        self.lost_replies += len(self._pairs)
        for pair in self._pairs:
            pair.reset()

    def _swallow(self, direction: Direction) -> None:
        self.lost_replies += len(self._pairs)
        for pair in self._pairs:
            pair.lost.add(direction)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.link.refuse:
            reset(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            reset(writer)
            return
        pair = Pair(writer, far_writer)
        self._pairs.add(pair)
        try:
            with contextlib.suppress(asyncio.CancelledError):  # of close
                await asyncio.gather(self._pump(pair, reader, "up"), self._pump(pair, far_reader, "down"))
        finally:
            self._pairs.discard(pair)
            pair.reset()

    async def _pump(self, pair: Pair, reader: asyncio.StreamReader, direction: Direction) -> None:
        """Pass on one direction until it ends; an end that the other side cannot see is not passed on."""
        writer = pair.server if direction == "up" else pair.client
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if direction not in pair.lost:
                    await self._pass(pair, writer, data, direction)
        if direction not in pair.lost:
            pair.reset()

    async def _pass(self, pair: Pair, writer: asyncio.StreamWriter, data: bytes, direction: Direction) -> None:
        link = self.link
        if link.delay_s:
            await asyncio.sleep(link.delay_s)
        if direction == "down" and link.reset_share and self._chance.random() < link.reset_share:
            self.lost_replies += 1
            writer.write(data[: len(data) // 2])
            pair.reset()
        elif direction == "down" and link.bytes_per_s:
            await _trickle(writer, data, link.bytes_per_s)
        else:
            writer.write(data)
            await writer.drain()


async def _trickle(writer: asyncio.StreamWriter, data: bytes, bytes_per_s: float) -> None:
    for byte in data:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(1 / bytes_per_s)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()
