import socket
import urllib.request
from http.client import HTTPConnection

import pytest
from leadrelay.errors import ConfigurationError
from leadrelay.metrics.serve import MOST_AT_ONCE, Answer, Server

from tests.chaos.processes import until


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_serves_each_path_on_either_loopback(host):
    try:
        server = Server((host, 0), {"/a": lambda accept: Answer(200, accept.encode())})
    except ConfigurationError:
        pytest.skip("this machine has no IPv6")
    with server:
        server.start()
        request = urllib.request.Request(f"{server.url}/a?x=1", headers={"Accept": "text/plain"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert answer.read() == b"text/plain"
        server.shutdown()


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "x-real-ip"])
@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 403), ("0.0.0.0", 200)])
def test_on_loopback_it_answers_nobody_through_a_proxy(name, host, status):
    with Server((host, 0), {"/metrics": lambda _: Answer(200, b"a")}) as server:
        server.start()
        connection = HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
        connection.request("GET", "/metrics", headers={name: ""})
        answer = connection.getresponse()
        assert answer.status == status
        assert (b"through a proxy" in answer.read()) is (status == 403)
        connection.close()
        server.shutdown()


def test_a_port_that_is_taken_is_a_mistake_of_the_configuration():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="choose another host or port"):
            Server(("127.0.0.1", taken.getsockname()[1]), {})


def test_connections_that_ask_nothing_take_a_bounded_number_of_threads():
    with Server(("127.0.0.1", 0), {"/a": lambda _: Answer(200, b"a")}) as server:
        server.start()
        try:
            address = server.server_address[:2]
            idle = [socket.create_connection(address, 20) for _ in range(MOST_AT_ONCE)]
            with socket.create_connection(address, 20) as one_more:
                assert one_more.recv(1) == b""
            for connection in idle:
                connection.close()
            until(lambda: answers(f"{server.url}/a"), "there is room again")
        finally:
            server.shutdown()


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read() == b"a"
    except OSError:
        return False
