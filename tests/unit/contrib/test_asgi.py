import asyncio
import socket

import leadrelay
import pytest
import uvicorn
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.contexts import context
from leadrelay.contrib.asgi import ContextMiddleware
from leadrelay.settings import Settings

BODY = b"x" * 300_000  # so long that uvicorn stops reading the connection for a while
PIPELINED = b"GET /ann HTTP/1.1\r\nhost: a.b\r\n\r\nGET %b HTTP/1.1\r\nhost: a.b\r\nconnection: close\r\n\r\n"
LONG = b"POST /ann HTTP/1.1\r\nhost: a.b\r\ncontent-length: %d\r\n\r\n" % len(BODY) + BODY
NEXT = b"GET %b HTTP/1.1\r\nhost: a.b\r\nconnection: close\r\n\r\n"


@pytest.fixture(autouse=True)
def _client(monkeypatch):
    here = Client(Settings(dataset_id="d1", mode="off", capture_ip=False), None)
    monkeypatch.setattr(tracking, "client", lambda: here)


def of_path(scope):
    return {"userId": scope["path"].strip("/")}


async def shop(scope, receive, send):
    """Answer with whom an event would be about."""
    while (await receive()).get("more_body"):
        pass
    body = repr(sorted(context.current().items())).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


watched = ContextMiddleware(shop, of_path)


async def partly(scope, receive, send):
    """Give a context to some paths and none to others, as an application does whose middleware is a part's."""
    await (shop if scope["path"] == "/health" else watched)(scope, receive, send)


async def answers(*parts):
    """Send parts over one connection, each after an answer to the one before."""
    server = uvicorn.Server(uvicorn.Config(partly, log_level="critical", lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    answered = b""
    for part in parts:
        writer.write(part)
        answered += b"" if part is parts[-1] else await reader.readuntil(b"]")
    answered += await reader.read()
    writer.close()
    server.should_exit = True
    await serving
    return [part.partition(b"]")[0].decode() for part in answered.split(b"\r\n\r\n[")[1:]]


@pytest.mark.parametrize("parts", [(PIPELINED,), (LONG, NEXT)], ids=["pipelined", "kept alive"])
@pytest.mark.parametrize(("path", "told"), [("/bob", "('lc', 'http://a.b/bob'), ('userId', 'bob')"), ("/health", "")])
def test_requests_over_one_connection_see_nothing_of_each_other(parts, path, told):
    *before, last = parts
    ann = "('lc', 'http://a.b/ann'), ('userId', 'ann')"
    assert asyncio.run(answers(*before, last % path.encode())) == [ann, told]


def test_a_request_takes_nothing_that_its_connection_still_holds():
    seen = []

    async def app(scope, receive, send):
        seen.append(context.current())

    scope = {"type": "websocket", "path": "/bob", "headers": [(b"host", b"a.b")], "scheme": "ws"}

    async def main():
        with leadrelay.context(userId="ann", campaign="spring"):
            await ContextMiddleware(app, of_path)(scope, None, None)
            assert context.current() == {"userId": "ann", "campaign": "spring"}

    asyncio.run(main())
    assert seen == [{"userId": "bob"}]


def test_the_lifespan_has_none():
    seen = []

    async def app(scope, receive, send):
        seen.append(context.current())

    asyncio.run(ContextMiddleware(app, of_path)({"type": "lifespan"}, None, None))
    assert seen == [{}]


def test_what_a_generator_holds_that_is_closed_late_is_nobody_elses():
    seen = []

    async def stream():
        with leadrelay.context(campaign="spring"):
            yield b"x"

    async def app(scope, receive, send):
        if scope["path"] == "/ann":
            left.append(stream())
            await anext(left[0])  # and the client goes away
            raise LookupError
        await left[0].aclose()
        seen.append(context.current())

    left = []
    scope = {"type": "http", "headers": [(b"host", b"a.b")]}

    async def main():
        with pytest.raises(LookupError):
            await ContextMiddleware(app, of_path)({**scope, "path": "/ann"}, None, None)
        seen.append(context.current())
        await ContextMiddleware(app, of_path)({**scope, "path": "/bob"}, None, None)

    asyncio.run(main())
    assert seen == [{}, {"lc": "http://a.b/bob", "userId": "bob"}]
