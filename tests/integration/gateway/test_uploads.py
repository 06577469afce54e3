"""Files of offline clients."""

import gzip

import pytest
import requests
from leadrelay.gateway.limits import MOST_FORM, MOST_IN_MEMORY, MOST_LINES, MOST_UPLOADS
from leadrelay.gateway.upload import PATH

from tests.integration.gateway.clients import FORM, connection, refused

LINES = [
    b"https://log.example/?si=d&ti=open&uid=u1&t_ms=1606468777834",
    b"https://log.example/?si=d&ti=open&uid=u1&t_ms=1606468777834",
    b"https://log.example/?si=d&ti=close&uid=u1&firstName=Zo%EB&t_ms=1606468777900",
    b"https://log.example/?si=other&ti=close&t_ms=1606468777900",
    b"https://log.example/?si=d&ti=own&eid=e-42-abc",
    b"https://log.example/?si=d&ti=no+time",
]


def upload(relay, data, field="upload", **options):
    return requests.post(
        f"{relay.url}{PATH}", files={field: ("events.gz", data, "application/gzip")}, timeout=20, **options
    )


@pytest.mark.parametrize("field", ["upload", "file"])
def test_an_upload(here, field):
    answer = upload(here, gzip.compress(b"\n".join(LINES) + b"\r\n"), field)
    assert answer.status_code == 200
    assert answer.headers["leadrelay-refused"] == "1"
    eids = answer.text.split("\n")
    assert eids[3:5] == ["-", "e-42-abc"]
    events = here.events()
    assert [event["eid"] for event in events] == [eid for eid in eids if eid != "-"]
    assert [event["ti"] for event in events] == ["open", "open", "close", "own", "no time"]
    assert events[0]["t_ms"] == "1606468777834"
    assert events[2]["firstName"] == "Zoë"


def test_an_upload_that_comes_again_is_the_same_events(here):
    packed = gzip.compress(b"\n".join(LINES[:5]))
    first, second = upload(here, packed), upload(here, packed)
    assert first.text == second.text
    assert len(set(first.text.split("\n"))) == 5
    assert len(here.events()) == 4


def test_an_upload_with_a_stray_preamble(here):
    body = (
        b'Content-Type: text/plain\r\n\r\nstray\r\n--xyz\r\nContent-Disposition: form-data; name="file"; '
        b'filename="a.gz"\r\nContent-Type: application/octet-stream\r\n\r\n'
        + gzip.compress(LINES[0])
        + b"\r\n--xyz--\r\n"
    )
    answer = here.post(body, PATH, headers={"Content-Type": "multipart/form-data; boundary=xyz"})
    assert answer.text == here.last()["eid"]


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"no gzip", 400, "not a gzip"),
        (gzip.compress(b"x" * 5000)[:-9], 400, "not a whole gzip"),
        (gzip.compress(b""), 400, "no line"),
        (gzip.compress(LINES[3]), 400, "no line"),
        (gzip.compress(b"\0" * 100_000_000), 413, "unpacked"),
        (gzip.compress(b"x\n" * (MOST_LINES + 1)), 413, "lines"),
    ],
    ids=["none", "cut", "empty", "other dataset", "bomb", "lines"],
)
def test_what_is_no_upload(here, data, status, reason):
    refused(upload(here, data), status, reason)
    assert here.events() == []


def test_the_largest_upload_is_answered_in_time(here):
    lines = [
        b"https://log.example/?si=d&ti=open&uid=u%d&t_ms=%d" % (number, 10**12 + number) for number in range(MOST_LINES)
    ]
    answer = upload(here, gzip.compress(b"\n".join(lines)))
    assert len(set(answer.text.split("\n"))) == len(here.events()) == MOST_LINES


def test_slow_requests_keep_no_room_from_others(here):
    slow = [
        *(slowly(here, PATH, "multipart/form-data; boundary=x") for _ in range(2 * MOST_UPLOADS)),
        *(slowly(here, "/", FORM) for _ in range(MOST_IN_MEMORY // MOST_FORM)),
    ]
    assert upload(here, gzip.compress(LINES[0])).status_code == 200
    assert here.post(b"si=d&ti=x", headers={"Content-Type": FORM}).status_code == 200
    for sock in slow:
        sock.close()


def slowly(relay, path, content_type):
    """Begin a request whose body does not come."""
    sock = connection(relay)
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\ncontent-length: {MOST_FORM}\r\n\r\n-"
    sock.sendall(head.encode())
    return sock
