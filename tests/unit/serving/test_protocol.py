"""The protocol over a connection that is not there, so that what it keeps can be looked at."""

import asyncio
import re

import pytest
import uvicorn
from leadrelay.serving import protocol
from leadrelay.serving.asgi import Gone, Reply, answer, read_body
from leadrelay.serving.protocol import MOST_HEAD, MOST_HEADERS, BoundedProtocol
from uvicorn.server import ServerState

GET = b"GET /%b HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"


class Transport:
    """A connection as far as the protocol uses one."""

    def __init__(self, lost):
        self.written, self.closed, self.reading, self.lost = b"", False, True, lost

    def get_extra_info(self, name):
        return None

    def write(self, data):
        self.written += data

    def close(self):
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.lost, None)

    abort = close

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True


class Server:
    """Answers with method, path, headers and body, once it may."""

    def __init__(self):
        self.may = asyncio.Event()
        self.state = ServerState()
        self.heard = []
        self.config = uvicorn.Config(self.app, ws="none", interface="asgi3", log_level="critical")

    async def app(self, scope, receive, send):
        await self.may.wait()
        try:
            body = await read_body(receive)
        except Gone:
            return
        names = b",".join(name for name, _ in scope["headers"])
        await answer(send, Reply(200, b" ".join([scope["method"].encode(), scope["raw_path"], names, body])))

    def connect(self):
        made = BoundedProtocol(self.config, self.state, {})
        made.not_http = lambda *said: self.heard.append(said)
        made.connection_made(Transport(made.connection_lost))
        return made

    async def answered(self):
        """Let all that is under way end."""
        self.may.set()
        while self.state.tasks:
            await asyncio.wait(self.state.tasks)


def told(connection):
    """Give statuses and bodies of the answers."""
    parts = re.split(rb"HTTP/1\.1 (\d+)[^\r]*\r\n.*?\r\n\r\n", connection.transport.written, flags=re.DOTALL)
    return [int(status) for status in parts[1::2]], parts[2::2]


def answers(*parts):
    """Give statuses and bodies of what parts are answered with, and whether the connection ends."""

    async def main():
        server = Server()
        server.may.set()
        connection = server.connect()
        for part in parts:
            connection.data_received(part)
            await asyncio.sleep(0)
        await server.answered()
        return *told(connection), connection.transport.closed

    return asyncio.run(main())


@pytest.mark.parametrize("trailers", [b"User-Agent: x\r\n", b"X-Forwarded-For: 192.0.2.1\r\n", b"X: y\r\n" * 1000])
def test_trailers_are_no_headers(trailers):
    statuses, bodies, closed = answers(CHUNKED + trailers + b"\r\n" + GET % b"next")
    assert statuses == [200, 200]
    assert bodies == [b"POST / host,transfer-encoding abc", b"GET /next host "]
    assert not closed


def test_trailers_without_end_are_refused():
    statuses, _, closed = answers(CHUNKED, b"X: " + b"y" * MOST_HEAD)
    assert (statuses, closed) == ([431], True)


UPGRADES = (b"h2c", b"websocket", b"TLS/1.0, foo/2")


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("cut", [False, True])
def test_a_request_to_speak_another_protocol_is_answered_in_this_one(upgrade, cut):
    head = b"POST /a?b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %b\r\nContent-Length: 3\r\n\r\n" % upgrade
    rest = b"abc" + GET % b"next"
    statuses, bodies, closed = answers(*((head, rest) if cut else (head + rest,)))
    assert statuses == [200, 200]
    assert bodies == [b"POST /a host,connection,content-length abc", b"GET /next host "]
    assert not closed


def test_many_such_requests_in_one_piece():
    one = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    assert answers(one * 900)[0] == [200] * 900


def test_a_tunnel_is_not_made():
    assert answers(b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n" + GET % b"next")[::2] == ([400], True)


@pytest.mark.parametrize(("number", "status"), [(MOST_HEADERS, 200), (MOST_HEADERS + 1, 431)])
def test_headers_are_counted(number, status):
    assert answers(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * number + b"\r\n")[0] == [status]


LENGTH, CHUNKS = b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"
DOUBTFUL = {
    "two lengths": LENGTH + b"Content-Length: 4\r\n",
    "equal lengths": LENGTH * 2,
    "a list of lengths": b"Content-Length: 3, 3\r\n",
    "a signed length": b"Content-Length: +3\r\n",
    "a length and chunks": LENGTH + CHUNKS,
    "chunks and a length": CHUNKS + LENGTH,
    "chunks twice": CHUNKS * 2,
    "chunks that are not last": b"Transfer-Encoding: chunked, identity\r\n",
    "a space before the colon": b"Transfer-Encoding : chunked\r\n",
    "a folded line": b"Transfer-Encoding:\r\n chunked\r\n",
    "a bare LF": b"X: y\nContent-Length: 3\r\n",
    "a bare CR": b"X: y\rContent-Length: 3\r\n",
    "a zero byte": b"X: \0y\r\n",
}


@pytest.mark.parametrize("lines", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_request_whose_end_is_in_doubt_is_refused(lines):
    statuses, _, closed = answers(b"POST / HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n3\r\nabc\r\n0\r\n\r\n" + GET % b"x")
    assert statuses[0] in {400, 501}
    assert (len(statuses), closed) == (1, True)


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity", b"xchunked"])
def test_other_codings_are_unknown(coding):
    statuses, _, closed = answers(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: %b\r\n\r\n" % coding)
    assert (statuses, closed) == ([501], True)


def test_what_stands_before_nonsense_is_answered_and_the_nonsense_is_not():
    statuses, bodies, closed = answers(GET % b"1" + GET % b"2" + b"\0\0", b"\0")
    assert (statuses, bodies, closed) == ([200, 200], [b"GET /1 host ", b"GET /2 host "], True)


# What waits -----------------------------------------------------------------------------------------------------------


def waiting(*connections):
    return [len(connection.pipeline) for connection in connections]


def test_what_waits_on_one_connection_is_bounded(monkeypatch):
    monkeypatch.setattr(protocol, "MOST_WAITING", 5)

    async def main():
        server = Server()
        connection = server.connect()
        connection.data_received(b"".join(GET % b"%d" % number for number in range(9)))
        assert waiting(connection) == [5]
        assert server.heard == [(503, "too many requests before the answers")]
        await server.answered()
        assert told(connection)[1] == [b"GET /%d host " % number for number in range(6)]
        assert connection.transport.closed

    asyncio.run(main())


def test_what_waits_on_all_connections_is_bounded_and_counts_as_long_as_it_waits(monkeypatch):
    monkeypatch.setattr(protocol, "MOST_WAITING_IN_ALL", 5)

    async def main():
        server = Server()
        first, second, third = (server.connect() for _ in range(3))
        first.data_received(GET % b"a" * 5)
        second.data_received(GET % b"b" * 5)
        third.data_received(GET % b"c")
        assert waiting(first, second, third) == [4, 1, 0], "each may have one"
        await server.answered()
        assert [len(told(one)[0]) for one in (first, second, third)] == [5, 2, 1]
        assert [one.transport.closed for one in (first, second, third)] == [False, True, False]
        third.data_received(GET % b"c" * 5)
        await server.answered()
        assert len(told(third)[0]) == 6
        server.may.clear()
        third.data_received(GET % b"c" * 6)
        first.connection_lost(None)
        third.connection_lost(None)
        assert BoundedProtocol._waiting_in_all == 0
        await server.answered()

    asyncio.run(main())


def test_no_more_is_read_while_requests_wait():
    post = b"POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"

    async def main():
        server = Server()
        connection = server.connect()
        connection.data_received(b"".join(post % number for number in range(9)))
        seen = []
        written = connection.transport.write
        connection.transport.write = lambda data: (seen.append(connection.transport.reading), written(data))
        assert not connection.transport.reading
        await server.answered()
        assert told(connection)[0] == [200] * 9
        assert seen[:16] == [False] * 16, "head and body of each answer but the last"
        assert connection.transport.reading

    asyncio.run(main())
