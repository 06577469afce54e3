import socket
import urllib.request

import pytest
from leadrelay.errors import ConfigurationError
from leadrelay.metrics.serve import Answer, Server


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


def test_a_port_that_is_taken_is_a_mistake_of_the_configuration():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigurationError, match="choose another port"):
            Server(("127.0.0.1", taken.getsockname()[1]), {})
