"""What the fuzz run sends: events, and everything that is nearly or not at all one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_from_bytes, urlencode

from leadrelay_sandbox.switches import TABLE

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    Make = Callable[[random.Random], "Attempt"]

#: Events with this title are answered by a fault that the run itself has set.
WANTED_FAULT = "a-wanted-fault"
_TITLES = ("signup", "invoice_paid", "", "ü", WANTED_FAULT)
_NAMES = (
    "si",
    "ti",
    "eid",
    "sid",
    "uid",
    "userId",
    "email",
    "proxy",
    "increment",
    "pix",
    "json",
    "callback",
    "otui",
    "ots",
)
_VALUES = ("", "1", "true", "false", "0", "a@b.c", " A@B.C ", "1.1606468777834.1", "1606468777834", "203.0.113.7", "f")
_CONTROLS = (
    "",
    "stats",
    "events",
    "bad",
    "users",
    "sessions",
    "counters",
    "faults",
    "switches",
    "datasets",
    "parameters",
)
_QUERIES = ("since", "limit", "last", "offset", "find", "si", "eid")
_NUMBERS = ("0", "1", "-1", "1e9", "", "x", "²", "99999999999999999999999999", "0x10", "NaN")
_CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Attempt:
    """What goes over one connection.

    Args:
        kind: Its name.
        parts: Written one after the other, with a pause between them.
        answers: How many answers must come; 0 where none need to.
        clean: Whether the connection can be used again.
    """

    kind: str
    parts: tuple[bytes, ...]
    answers: int = 1
    clean: bool = True


def request(method: str, target: str, body: bytes = b"", *headers: str) -> bytes:
    """Write a request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


def event(rng: random.Random) -> Attempt:
    """An ordinary event of one of many users."""
    user = rng.randrange(3000)
    wire = {"si": "d", "ti": rng.choice(_TITLES), "userId": f"u{user}", "email": f"u{user}@example.com", "plan": "pro"}
    return Attempt("event", (request("POST", "/", urlencode(wire).encode()),))


def odd_event(rng: random.Random) -> Attempt:
    """Known names, each with a value of another."""
    pairs = [(rng.choice(_NAMES), rng.choice(_VALUES)) for _ in range(rng.randrange(12))]
    target = rng.choice(["/?", "/log?datasetId=d&", "/?si=d&"]) + urlencode(pairs)
    agent = "".join(map(chr, rng.choices(range(32, 255), k=rng.randrange(60))))
    head = [f"GET {target} HTTP/1.1", "Host: x", f"User-Agent: {agent}", "", ""]
    return Attempt("odd event", ("\r\n".join(head).encode("latin-1").replace(b"\x7f", b""),))


def random_form(rng: random.Random) -> Attempt:
    """A body of any bytes, bad encodings among them."""
    body = rng.randbytes(rng.randrange(400))
    if rng.random() < 0.5:
        body = b"si=d&" + b"&".join(
            quote_from_bytes(rng.randbytes(6)).encode() + b"=%" for _ in range(rng.randrange(20))
        )
    return Attempt("random form", (request("POST", "/", body),))


def random_query(rng: random.Random) -> Attempt:
    """A query of any bytes."""
    return Attempt("random query", (request("GET", f"/?si=d&{quote_from_bytes(rng.randbytes(rng.randrange(300)))}"),))


def large(rng: random.Random) -> Attempt:
    """A long line, a large body, many fields, a long name, many headers."""
    size = rng.choice([8_000, 9_000, 60_000])
    body = rng.choice([b"a&" * 900, b"a&" * 5000, b"si=d&" + b"n" * size + b"=1", b"si=d&x=" + b"y" * 2**20])
    return rng.choice(
        [
            Attempt("large", (request("GET", f"/?si=d&x={'y' * size}"),), 0, clean=False),
            Attempt("large", (request("POST", "/", body),), 0, clean=False),
            Attempt("large", (request("GET", "/?si=d", b"", *(f"X-{n}: {'y' * 500}" for n in range(90))),)),
            Attempt("large", (b"GET /?x=" + b"y" * 300_000,), 0, clean=False),
            Attempt("large", (b"GET / HTTP/1.1\r\nX: " + b"y" * 300_000,), 0, clean=False),
            Attempt("large", (_CHUNKED + rng.choice([b"0\r\nX: ", b"5;x="]) + b"y" * 300_000,), 0, clean=False),
        ]
    )


def pipelined(rng: random.Random) -> Attempt:
    """Several requests in one write, or cut anywhere."""
    number = rng.randrange(2, 30)
    whole = b"".join(request("GET", f"/?si=d&ti=x&n={n}") for n in range(number))
    cut = rng.randrange(len(whole))
    return Attempt("pipelined", rng.choice([(whole,), (whole[:cut], whole[cut:])]), number)


def chunked(rng: random.Random) -> Attempt:
    """A chunked body, most often broken."""
    size = rng.choice([b"5", b"-5", b"zz", b"FFFFFFFFFFFFFFFFFF", b"", b"5;x=y"])
    return Attempt("chunked", (_CHUNKED + size + b"\r\nsi=d&\r\n", b"0\r\n\r\n"), 0, clean=False)


def slow(rng: random.Random) -> Attempt:
    """A body that comes piece by piece, or not to its end."""
    whole = request("POST", "/", b"si=d&ti=slow&x=" + b"y" * 200)
    pieces = [whole[at : at + 60] for at in range(0, len(whole), 60)]
    return rng.choice(
        [
            Attempt("slow", tuple(pieces)),
            Attempt("cut short", tuple(pieces[: rng.randrange(1, len(pieces))]), 0, clean=False),
        ]
    )


def no_http(rng: random.Random) -> Attempt:
    """Any bytes, or a head that is nearly one."""
    raw = rng.choice(
        [
            rng.randbytes(rng.randrange(1, 300)),
            b"GET " + rng.randbytes(20) + b" HTTP/1.1\r\n\r\n",
            b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + rng.randbytes(30) + b": x\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nsi=d&",
            b"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\nsi=d" + rng.randbytes(9),
            b"GET /?si=d&ti=x HTTP/1.1\r\n" + b"X: y\r\n" * rng.randrange(200) + b"\r\n",
            b"GET /?si=d&ti=x HTTP/1.1\r\n\r\n" * rng.randrange(2000),
            _CHUNKED + b"4\r\nsi=d\r\n0\r\n" + b"X: y\r\n" * rng.randrange(200) + b"\r\n" + rng.randbytes(9),
        ]
    )
    return Attempt("no HTTP", (raw,), 0, clean=False)


def control_read(rng: random.Random) -> Attempt:
    """A control call with any path and query; large answers are left to the other tests."""
    what = rng.choice(
        [*_CONTROLS, f"users/{quote_from_bytes(rng.randbytes(8))}", f"events/{quote('ü/..')}", "../x", "%00", "x.js"]
    )
    pairs = [(rng.choice(_QUERIES), rng.choice(_NUMBERS)) for _ in range(rng.randrange(3))]
    method = rng.choice(["GET", "GET", "GET", "POST", "HEAD", "OPTIONS", "PATCH"])
    clean = method != "HEAD"  # its answer has a length and no body
    limit = "limit=5&last=5" if rng.random() < 0.9 else ""
    return Attempt(
        "control", (request(method, f"/_sandbox/{what}?{limit}&{urlencode(pairs)}"),), int(clean), clean=clean
    )


def control_write(rng: random.Random) -> Attempt:
    """Settings that are right, nearly right and nonsense; faults only for the title that expects them."""
    switch = rng.choice(TABLE)
    document: object = rng.choice(
        [
            {"rules": [{"ti": WANTED_FAULT, "status": rng.choice([503, 429, 204, 200]), "retry_after": rng.random()}]},
            {
                "rules": [
                    {"ti": WANTED_FAULT, rng.choice(["status", "share", "delay_s", "body", "for_s", "x"]): _junk(rng)}
                ]
            },
            {"rules": _junk(rng)},
            {"switches": [{"name": switch.name, "value": rng.choice(switch.values)}]},
            {switch.name: _junk(rng)},
            {"datasets": rng.choice([[], ["d"], _junk(rng)])},
            _junk(rng),
        ]
    )
    body = rng.choice([json.dumps(document).encode()] * 3 + [b"[" * 50_000, rng.randbytes(50), b""])
    return Attempt("setting", (request("PUT", f"/_sandbox/{rng.choice(['faults', 'switches', 'datasets'])}", body),))


def _junk(rng: random.Random) -> object:
    return rng.choice([None, True, -1, 1e400, float("nan"), 10**400, "\ud800", "x", [], {}, [None], {"a": [1]}])


#: Each kind of request to a Track API and how often it comes.
TRACK_API: dict[Make, int] = {
    event: 30,
    odd_event: 20,
    random_form: 12,
    random_query: 12,
    no_http: 8,
    pipelined: 2,
    chunked: 3,
    slow: 2,
    large: 2,
}
#: What a sandbox gets.
KINDS = TRACK_API | {control_read: 5, control_write: 4}


def attempts(rng: random.Random, number: int, kinds: Mapping[Make, int]) -> list[Attempt]:
    """Choose at least `number` requests of these kinds, each as often as it says."""
    chosen: list[Attempt] = []
    requests = 0
    while requests < number:
        make = rng.choices(list(kinds), list(kinds.values()))[0]
        chosen.append(make(rng))
        requests += max(1, chosen[-1].answers)
    return chosen
