"""One exchange against an endpoint that misbehaves, over real sockets."""

import socket
import threading

import pytest
from leadrelay_worker.delivery.destination import Destination


class Endpoint:
    """Serves each connection with a function of (socket, stop)."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.stop = threading.Event()
        self.received = []
        self.serve = serve
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.stop.is_set():
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.answer, args=(sock,), daemon=True).start()

    def answer(self, sock):
        with sock:
            self.received.append(sock.recv(65536))
            try:
                self.serve(sock, self.stop)
            except OSError:
                return

    def close(self):
        self.stop.set()
        self.listener.close()


def drip_head(sock, stop):
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 10_000:
        sock.send(bytes([byte]))
        if stop.wait(0.02):
            return


def drip_body(sock, stop):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n")
    while not stop.wait(0.02):
        sock.send(b"x")


def silent(sock, stop):
    stop.wait(30)


def reset(sock, stop):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def huge(sock, stop):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while not stop.is_set():
        sock.sendall(b"x" * 65536)


def redirect(sock, stop):
    sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")


def cookie(sock, stop):
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: who=ann\r\nContent-Length: 8\r\n\r\nabcdef12"
    sock.sendall(answer)
    while request := sock.recv(65536):
        COOKIES.append(request)
        sock.sendall(answer)


COOKIES = []


@pytest.fixture
def exchange():
    opened = []

    def start(serve, deadline=0.4, **kwargs):
        endpoint = Endpoint(serve)
        destination = Destination(endpoint.url, deadline_s=deadline, **kwargs)
        opened.append((endpoint, destination))
        return endpoint, destination

    yield start
    for endpoint, destination in opened:
        destination.close()
        endpoint.close()


@pytest.mark.parametrize("serve", [drip_head, drip_body, silent])
def test_the_deadline_is_total(exchange, serve):
    _, destination = exchange(serve)
    seen = destination.send("a=1", "agent")
    assert (seen.failure, seen.unknown) == ("timeout", True)


@pytest.mark.parametrize(("serve", "failure"), [(reset, "cut"), (lambda *_: None, "cut")])
def test_a_cut_connection_may_have_been_accepted(exchange, serve, failure):
    seen = exchange(serve)[1].send("a=1", "agent")
    assert (seen.failure, seen.unknown) == (failure, True)


def test_nobody_there():
    seen = Destination("http://127.0.0.1:1").send("a=1", "agent")
    assert (seen.failure, seen.unknown) == ("connect", False)


def test_no_such_name():
    assert Destination("http://no-such-host.invalid").send("a=1", "agent").failure == "dns"


def test_a_huge_body_is_not_read(exchange):
    seen = exchange(huge, deadline=5)[1].send("a=1", "agent")
    assert (seen.status, len(seen.body)) == (200, 65536)


def test_redirects_are_not_followed(exchange):
    assert exchange(redirect)[1].send("a=1", "agent").status == 302


def test_cookies_are_not_kept(exchange):
    _, destination = exchange(cookie, deadline=5)
    for _ in range(3):
        assert destination.send("a=1", "agent").status == 200
    assert COOKIES
    assert not [request for request in COOKIES if b"ookie" in request]


def test_forms_queries_and_the_visitors_agent(exchange):
    endpoint, destination = exchange(redirect)
    destination.send("a=1&b=%20", "Moz\r\nX-Evil: 1 ünïcode ☃")
    head, _, body = endpoint.received[0].partition(b"\r\n\r\n")
    assert body == b"a=1&b=%20" or not body
    assert b"\r\nX-Evil" not in head
    assert b"User-Agent: MozX-Evil: 1" in head
    endpoint, destination = exchange(redirect, method="GET")
    destination.send("a=1&b=%20", "agent")
    assert endpoint.received[0].startswith(b"GET /?a=1&b=%20 HTTP/1.1\r\n")
