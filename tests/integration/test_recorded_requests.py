"""Requests as real clients send them, byte for byte through a socket: taken, stored, warned of."""

import socket
from urllib.parse import urlsplit

import pytest

GIF = b"GIF89a"
OPEN = "not documented: "

#: name: request, parameters as stored, warnings, start of the answer's body (None: an id that the sandbox made).
RECORDED = {
    "PHP, http_build_query, arrays": (
        (
            b"GET /?si=0123456789abcdef0123456789abcdef&ti=Please+track+me&email=j.doe%40example.com"
            b"&utm%5Bsource%5D=mail&tags%5B0%5D=a&tags%5B1%5D=b%26c&proxy=1 HTTP/1.1\r\n"
            b"Host: log.leadboxer.com\r\nConnection: close\r\n\r\n"
        ),
        {
            "si": "0123456789abcdef0123456789abcdef",
            "ti": "Please track me",
            "email": "j.doe@example.com",
            "utm[source]": "mail",
            "tags[0]": "a",
            "tags[1]": "b&c",
            "proxy": "1",
        },
        [
            f"{OPEN}{name}: an array; each of its parts is a property of its own"
            for name in ("utm[source]", "tags[0]", "tags[1]")
        ],
        None,
    ),
    "the vendor's example, + not encoded": (
        b"GET /?si=d&ti=signup&sid=12345&uid=98765&email=j.doe+news@example.com HTTP/1.1\r\nHost: x\r\n\r\n",
        {"si": "d", "ti": "signup", "sid": "12345", "uid": "98765", "email": "j.doe news@example.com"},
        ["email: not an e-mail address (an unencoded + arrives as a space)"],
        None,
    ),
    "+ encoded": (
        b"GET /?si=d&ti=signup&email=j.doe%2Bnews@example.com HTTP/1.1\r\nHost: x\r\n\r\n",
        {"si": "d", "ti": "signup", "email": "j.doe+news@example.com"},
        [],
        None,
    ),
    "an Android client, ISO-8859-1 encoded": (
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded; charset=ISO-8859-1\r\n"
            b"User-Agent: Dalvik/2.1.0 (Linux; U; Android 9; SM-G960F)\r\nContent-Length: 41\r\n\r\n"
            b"si=d&ti=open&eid=e-42-abc&firstName=Zo%EB"
        ),
        {"si": "d", "ti": "open", "eid": "e-42-abc", "firstName": "Zoë"},
        [],
        b"e-42-abc",
    ),
    "ISO-8859-1, raw bytes": (
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 26\r\n\r\nsi=d&ti=open&firstName=Zo\xeb"
        ),
        {"si": "d", "ti": "open", "firstName": "Zoë"},
        [],
        None,
    ),
    "a native client, names with spaces, cookie state": (
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 124\r\n\r\n"
            b"si=d&ti=start&platform+version=9&version%20name=2.1&otui=459913894.1606468777834.0.1606468777834.1.1"
            b"&ots=1.1606468777834.0.1"
        ),
        {
            "si": "d",
            "ti": "start",
            "platform version": "9",
            "version name": "2.1",
            "otui": "459913894.1606468777834.0.1606468777834.1.1",
            "ots": "1.1606468777834.0.1",
        },
        [f"{OPEN}{name}: a name with a space; accepted" for name in ("platform version", "version name")],
        None,
    ),
    "flags without a value: an image": (
        b"GET /?si=d&ti=open&pix&json&proxy HTTP/1.1\r\nHost: x\r\n\r\n",
        {"si": "d", "ti": "open", "pix": "", "json": "", "proxy": ""},
        [],
        GIF,
    ),
    "flags without a value: JSON": (
        b"GET /?json&si=d&ti=open&eid=abcdef12&proxy HTTP/1.1\r\nHost: x\r\n\r\n",
        {"json": "", "si": "d", "ti": "open", "eid": "abcdef12", "proxy": ""},
        [],
        b'{"eid": "abcdef12"}',
    ),
    "jQuery's JSONP with its cache buster": (
        b"GET /?callback=jQuery3610_17&si=d&ti=open&eid=abcdef12&json&_=1606468777834 HTTP/1.1\r\nHost: x\r\n\r\n",
        {"callback": "jQuery3610_17", "si": "d", "ti": "open", "eid": "abcdef12", "json": ""},
        [],
        b'jQuery3610_17({"eid": "abcdef12"});',
    ),
    "duplicate keys, query before body": (
        b"POST /?ti=query&plan=free&plan=pro HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\nsi=d&ti=body&role=x",
        {"ti": "query", "plan": "free", "si": "d", "role": "x"},
        [f"{OPEN}{name}: given more than once; the first counts" for name in ("plan", "ti")],
        None,
    ),
    "empty values": (
        b"GET /?si=d&ti=crm&companyName=&role= HTTP/1.1\r\nHost: x\r\n\r\n",
        {"si": "d", "ti": "crm", "companyName": "", "role": ""},
        [f"{OPEN}{name}: empty; a filled value of the profile stays" for name in ("companyName", "role")],
        None,
    ),
    "a name beyond ASCII, no title": (
        b"GET /?si=d&st%C3%A4dt=Delft HTTP/1.1\r\nHost: x\r\n\r\n",
        {"si": "d", "städt": "Delft"},
        [
            "ti: no title; LeadBoxer shows NO TITLE",
            f"{OPEN}städt: a name beyond ASCII; kept on the event, not propagated",
        ],
        None,
    ),
    "an offline client's own time": (
        b"GET /?si=d&ti=open&t_ms=1606468777834 HTTP/1.1\r\nHost: x\r\n\r\n",
        {"si": "d", "ti": "open", "t_ms": "1606468777834"},
        [f"{OPEN}t_ms: on a direct send, taken as a property"],
        None,
    ),
    "HTTP/1.0, absolute address": (
        b"GET http://log.leadboxer.com/?si=d&ti=open HTTP/1.0\r\n\r\n",
        {"si": "d", "ti": "open"},
        [],
        None,
    ),
    "a chunked form": (
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsi=d&\r\n7\r\nti=open\r\n0\r\n\r\n",
        {"si": "d", "ti": "open"},
        [],
        None,
    ),
}


def answer_to(url: str, request: bytes) -> tuple[bytes, bytes]:
    """Send bytes and give the head and the body of the answer."""
    where = urlsplit(url)
    received = b""
    with socket.create_connection((where.hostname, where.port), timeout=10) as client:
        client.sendall(request)
        while b"\r\n\r\n" not in received:
            received += client.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        while len(body) < length:
            body += client.recv(65536)
    return head, body


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_request(endpoint, name):
    request, params, warnings, start = RECORDED[name]
    head, body = answer_to(endpoint.url, request)
    assert head.startswith(b"HTTP/1.1 200 OK")
    event = endpoint.last()
    assert event["params"] == params
    assert event["warnings"] == warnings
    assert event["charset"] == ("iso-8859-1" if "ISO-8859-1" in name else "utf-8")
    assert body.startswith(start) if start else body.decode() == event["eid"]
    assert endpoint.control("stats")["bad"] == 0


def test_cookie_state_gives_user_and_session(endpoint):
    answer_to(endpoint.url, RECORDED["a native client, names with spaces, cookie state"][0])
    event = endpoint.last()
    assert event["uid"] == event["sid"] == "1606468777834.459913894"
    profile = endpoint.profile(event["uid"])
    assert (profile["platform version"], profile["ti"]) == ("9", "start")


def test_an_agent_of_a_native_client_is_read(endpoint):
    answer_to(endpoint.url, RECORDED["an Android client, ISO-8859-1 encoded"][0])
    assert endpoint.last()["enriched"]["platform"] == "Android"
    assert endpoint.profile("e-42-abc")["firstName"] == "Zoë"


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /?si=d&ti=open&firstName=Zo\xc3\xab HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_answered_and_kept_as_bad(endpoint, request_):
    head, _ = answer_to(endpoint.url, request_)
    assert head.startswith(b"HTTP/1.1 400")
    assert endpoint.control("bad?last=1")[0]["reason"].startswith("not HTTP: ")


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "start", [b"GET /?si=d&x=", b"GET / HTTP/1.1\r\nX: ", CHUNKED + b"0\r\nX: ", CHUNKED + b"5;x="]
)
def test_what_has_no_end_is_cut_off(endpoint, start):
    where = urlsplit(endpoint.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as client:
        client.sendall(start)
        try:
            for _ in range(100):
                client.sendall(b"y" * 65536)
            cut = False
        except OSError:
            cut = True
    assert cut
    assert endpoint.control("bad?last=1")[0]["status"] == 431


def test_many_requests_in_one_write_are_answered_in_order(endpoint):
    where = urlsplit(endpoint.url)
    requests = b"".join(b"GET /?si=d&ti=x&eid=e%03d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(500))
    with socket.create_connection((where.hostname, where.port), timeout=10) as client:
        client.sendall(requests + b"GET /?si=d&ti=x&eid=last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"e%03d" % number for number in range(500)] + [b"last"]
