from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from leadrelay.proxies import came_through_proxy, client_address, read_networks

VISITOR = "198.51.100.7"
NOBODY = ()
OURS = read_networks("10.0.0.0/8, 127.0.0.1, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        (VISITOR, "", NOBODY, VISITOR),
        (VISITOR, "192.0.2.1", NOBODY, VISITOR),  # nobody is trusted by default
        (VISITOR, "192.0.2.1", OURS, VISITOR),  # written by the client itself
        ("127.0.0.1", VISITOR, OURS, VISITOR),
        ("127.0.0.1", f"192.0.2.1, {VISITOR}", OURS, VISITOR),  # the client forged the first
        ("127.0.0.1", f"192.0.2.1,{VISITOR} , 10.1.2.3", OURS, VISITOR),
        ("10.9.9.9", "10.0.0.5, 10.0.0.6", OURS, "10.0.0.5"),  # a colleague inside
        ("10.9.9.9", "", OURS, "10.9.9.9"),
        ("::ffff:10.0.0.1", VISITOR, OURS, VISITOR),
        ("fd00::1", "[2001:db8::7]:4711", OURS, "2001:db8::7"),
        ("127.0.0.1", f"{VISITOR}:4711", OURS, VISITOR),
        ("127.0.0.1", "fe80::1%eth0", OURS, "fe80::1"),
        ("127.0.0.1", "unknown", OURS, ""),
        ("127.0.0.1", f"{VISITOR},", OURS, ""),
        ("127.0.0.1", "_hidden, 10.0.0.1", OURS, ""),
        ("", VISITOR, OURS, VISITOR),  # a Unix socket is this machine
        ("", f"{VISITOR}, 10.0.0.1", OURS, VISITOR),
        ("", VISITOR, NOBODY, ""),
        ("", VISITOR, read_networks("10.0.0.0/8"), ""),
        ("", "", OURS, ""),
        ("testclient", VISITOR, OURS, ""),
    ],
)
def test_the_client_is_the_first_from_the_right_that_is_not_ours(peer, forwarded, trusted, client):
    assert client_address(peer, forwarded, trusted) == client


def test_proxies_are_addresses_and_networks():
    assert [str(network) for network in read_networks(" 10.0.0.1/8,::1 , ")] == ["10.0.0.0/8", "::1/128"]
    for wrong in ("proxy.example.com", "*", "10.0.0.0/33"):
        with pytest.raises(ValueError):  # noqa: PT011 - the setting says what it takes
            read_networks(wrong)


@pytest.mark.parametrize("names", [["Host", "X-Forwarded-For"], ["FORWARDED"], ["via"]])
def test_what_proxies_add_is_known(names):
    assert came_through_proxy(names)
    assert not came_through_proxy(["host", "x-forwarded"])


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
inside = st.ip_addresses(network="10.0.0.0/8").map(str)
outside = addresses.filter(lambda text: client_address(text, "192.0.2.1", OURS) != "192.0.2.1")


written = st.lists(st.one_of(addresses, st.text(max_size=20)))


@given(forged=written, visitor=outside, ours=st.lists(inside, min_size=1, max_size=50))
def test_whatever_a_client_forges_its_own_address_is_found(forged, visitor, ours):
    forwarded = ", ".join([*forged, visitor, *ours[:-1]])
    expected = client_address(visitor, "", NOBODY)
    assert client_address(ours[-1], forwarded, OURS) == expected
    assert client_address(visitor, ", ".join(forged), OURS) == expected


def test_of_a_way_of_thousands_the_beginning_is_not_looked_for():
    assert client_address("10.0.0.1", ",".join([VISITOR, *["10.0.0.1"] * 49]), OURS) == VISITOR
    assert client_address("10.0.0.1", ",".join([VISITOR, *["10.0.0.1"] * 5000]), OURS) == ""


@given(peer=st.text(max_size=50), forwarded=st.text(max_size=100))
def test_nonsense_is_no_address(peer, forwarded):
    found = client_address(peer, forwarded, OURS)
    assert found == "" or ip_address(found)
