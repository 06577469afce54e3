from types import SimpleNamespace

import pytest
from leadrelay_worker.monitor.guard import StrangeHost, refusal_to_listen


def _options(**given):
    return SimpleNamespace(
        **{"basic_auth": None, "auth": "", "unix_socket": "", "address": "127.0.0.1", "persistent": False, **given}
    )


@pytest.mark.parametrize(
    ("options", "hosts", "listens"),
    [
        (_options(), (), True),
        (_options(address="localhost"), (), True),
        (_options(address="::1"), (), True),
        (_options(address=""), (), False),
        (_options(address="::"), (), False),
        (_options(address="monitor.example.com"), (), False),
        (_options(address="0.0.0.0"), (), False),
        (_options(address="192.0.2.7"), (), False),
        (_options(address="0.0.0.0", basic_auth=["a:b"]), (), True),
        (_options(address="0.0.0.0", auth="a@example.com"), (), True),
        (_options(address="0.0.0.0"), ("monitor.example.com",), True),
        (_options(address="0.0.0.0", unix_socket="/run/monitor"), (), True),
    ],
)
def test_where_it_may_listen(options, hosts, listens):
    refusal = refusal_to_listen(options, hosts)
    assert (refusal is None) is listens
    assert listens or "LEADRELAY_MONITOR_HOSTS" in refusal


@pytest.mark.parametrize("login", ["", ":", "ann", "ann:", ":secret"])
@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])
def test_a_login_that_is_none_is_refused_and_not_shown(login, address):
    refusal = refusal_to_listen(_options(address=address, basic_auth=["bob:hunter2", login]), ())
    assert "NAME:PASSWORD" in refusal
    assert "hunter2" not in refusal


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost", True), ("LOCALHOST", True), ("127.0.0.1", True), ("[::1]", True), ("monitor.example.com", True),
        ("evil.example", False), ("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("", False),
    ],
)  # fmt: skip
def test_which_names_are_ours(host, ours):
    matched = StrangeHost({"monitor.example.com"}).match(SimpleNamespace(host_name=host))
    assert (matched is None) is ours
