"""The judge and the link are worth what they notice: planted losses, and connections that fail as they should."""

import contextlib
import socket
import threading
import time

import pytest

from tests.chaos.oracle import Verdict, judge
from tests.chaos.processes import until
from tests.chaos.proxy import Link, Proxy


def test_the_judge_finds_what_is_lost_doubled_and_out_of_order():
    accepted = {1: "a", 2: "b", 3: "c", 4: "d"}
    arrived = [(1, "a", "ann"), (3, "c", "ann"), (2, "b", "ann"), (3, "c", "ann"), (9, "x", "bob"), (9, "y", "bob")]
    verdict = judge(accepted, arrived, None)
    assert (verdict.lost, verdict.duplicates, verdict.two_eids, verdict.out_of_order) == ([4], 1, [9], 1)
    assert len(verdict.failures()) == 2


@pytest.mark.parametrize(
    ("planted", "wrong"),
    [
        ({"lost": [1, 2]}, "2 lost, 0 said"),
        ({"lost": [1, 2], "said": ["the broker lost at most 1 accepted events"]}, "2 lost, 1 said"),
        ({"duplicates": 5, "most_duplicates": 4}, "5 duplicates"),
        ({"waiting": 1}, "1 still wait"),
        ({"findings": ["ready: 1 lost"]}, "ready: 1 lost"),
        ({"said": ["the broker lost at most 1 accepted events"], "lost": [1]}, None),
        ({"duplicates": 4, "most_duplicates": 4}, None),
    ],
)
def test_a_verdict_says_what_must_not_be(planted, wrong):
    figures = {"accepted": 9, "delivered": 9, "waiting": 0, "dead": 0, "duplicates": 0, **planted}
    failures = Verdict(**figures).failures()
    assert wrong in failures[0] if wrong else not failures, failures


REPLY = b"0123456789"


@pytest.fixture
def link():
    """A proxy in front of a server that answers each piece that it gets."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(sock):
        with sock, contextlib.suppress(OSError):
            while sock.recv(100):
                sock.sendall(REPLY)

    def accept():
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    proxy = Proxy(listener.getsockname()[1])
    yield proxy
    proxy.close()
    listener.close()


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=1)


def ask(sock):
    sock.sendall(b"?")
    return sock.recv(100)


def ask_until_it_fails(sock):
    received = []
    try:
        while part := ask(sock):
            received.append(part)
    except OSError as error:
        return b"".join(received), type(error)
    return b"".join(received), None


def test_a_link_passes_everything_on_until_it_is_cut(link):
    with connect(link) as sock:
        assert ask(sock) == REPLY
        link.cut()
        with pytest.raises(ConnectionResetError):
            ask(sock)
    with connect(link) as sock:
        assert ask(sock) == REPLY


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_half_open_connection_is_silent_and_a_new_one_is_not(link, direction):
    with connect(link) as sock:
        assert ask(sock) == REPLY
        link.half_open(direction)
        with pytest.raises(TimeoutError):
            ask(sock)
    with connect(link) as sock:
        assert ask(sock) == REPLY


def test_a_reply_is_reset_in_its_middle_and_counted(link):
    link.link = Link(reset_share=1)
    with connect(link) as sock:
        received, failure = ask_until_it_fails(sock)
    assert received in (b"", REPLY[:5])  # a reset may overtake what it follows
    assert failure is ConnectionResetError
    assert link.lost_replies == 1


def test_a_reply_trickles_and_a_link_can_refuse(link):
    link.link = Link(bytes_per_s=50)
    with connect(link) as sock:
        began = time.monotonic()
        sock.sendall(b"?")
        received = [sock.recv(100)]
        until(lambda: received.append(sock.recv(100)) or b"".join(received) == REPLY, "the whole reply")
        assert time.monotonic() - began > 0.1
    link.link = Link(refuse=True)
    with pytest.raises(ConnectionResetError), connect(link) as sock:
        ask(sock)
