"""Nonsense against the gateway: `python -m tests.fuzz.gateway --requests 100000`.

Fails when the gateway answers 500 or 204, gives a body to anything but an accepted event, leaves a whole request
unanswered, ends, logs an error, needs more memory at the end than after the first part, or has answered an id that is
not in the queue; and when what it counted as accepted is not what the queue has.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import requests
from leadrelay.gateway.upload import PATH
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.queue.message import Message
from leadrelay.trackapi.answers import GIF, is_event_id, parse_answer

from tests.chaos.processes import Broker, Process, gateway
from tests.fuzz.attempts import TRACK_API, Attempt, attempts, request
from tests.fuzz.driving import WARM, Answer, Findings, memory_mb, send

if TYPE_CHECKING:
    from collections.abc import Iterator

_PATHS = ("/", "/log", PATH, "/healthz", "/readyz", "/metrics", "/x", "//", "/%00", "/log/")
_METHODS = ("GET", "POST", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE")
#: Seconds until what waits in the spool must be in the queue.
_DRAIN_S = 60.0
#: Messages read at a time.
_PAGE = 5000


def uploads(rng: random.Random) -> Attempt:
    """A gzip of lines; most often something is wrong with it, now and then much."""
    lines = [f"http://x/?{urlencode({'si': rng.choice('dde'), 'n': rng.random()})}" for _ in range(rng.randrange(40))]
    packed = gzip.compress("\n".join(lines).encode() + rng.randbytes(rng.choice([0, 30])))
    packed = rng.choice([packed] * 4 + [packed[: rng.randrange(len(packed))], rng.randbytes(200), _bomb()])
    name = rng.choice(["upload", "upload", "file", "other", '"', "ü"])
    head = f'--xyz\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()
    preamble = rng.choice([b"", b"\r\n", rng.randbytes(50)])
    body = preamble + head + packed + rng.choice([b"\r\n--xyz--\r\n", b"", b"\r\n--xy"])
    kind = rng.choice(["multipart/form-data; boundary=xyz"] * 4 + ["multipart/form-data", "text/plain", "\xff; =;;"])
    raw = request("POST", PATH, body, f"Content-Type: {kind}")
    return Attempt("upload", (raw,), 0, clean=False)  # a control character in a header is no HTTP


def _bomb() -> bytes:
    """64 MB of zeros in 64 KB."""
    return gzip.compress(bytes(2**20)) * 64


def other_paths(rng: random.Random) -> Attempt:
    """Any method on any path."""
    target = f"{rng.choice(_PATHS)}?si=d&ti=x"
    return Attempt("other path", (request(rng.choice(_METHODS), target, b"si=d"),))


KINDS = TRACK_API | {uploads: 2, other_paths: 4}


@dataclass
class GatewayFindings(Findings):
    """What a gateway answered, and the ids in it."""

    ids: set[str] = field(default_factory=set)

    def odd(self, attempt: Attempt, answers: list[Answer]) -> list[str]:
        """Tell what must not be, and keep the ids."""
        found = super().odd(attempt, answers)
        for answer in answers:
            if answer.status == 204 or (answer.status != 200 and answer.body):
                found.append(f"answered {answer.status} with {answer.body[:100]!r}")
            if answer.status == 200:
                self.ids.update(ids_in(answer.body))
        return found


def ids_in(body: bytes) -> Iterator[str]:
    """Give the ids of an answer: an image has none, an upload's may be several."""
    if body != GIF and not body.startswith(b"#"):
        whole = parse_answer(body)
        yield from [whole] if whole else [line for line in body.decode().split("\n") if is_event_id(line)]


def queued(queue: Queue) -> Iterator[str]:
    """Give the ids of all that waits."""
    key = queue.keys.name("ready")
    for start in range(0, queue.client.llen(key), _PAGE):
        for raw in queue.client.lrange(key, start, start + _PAGE - 1):
            yield Message.parse(raw).eid


def judge_queue(findings: GatewayFindings, queue: Queue, url: str) -> None:
    """Hold what was answered against what the queue has; on a busy machine some of it came by the spool."""
    end = time.monotonic() + _DRAIN_S
    while (missing := findings.ids - set(queued(queue))) and time.monotonic() < end:
        time.sleep(0.5)
    if missing:
        findings.wrong.append(f"{len(missing)} answered ids are not in the queue")
    text = requests.get(f"{url}/metrics", timeout=20).text
    lines = [line for line in text.splitlines() if line.startswith("leadrelay_gateway_accepted_events_total ")]
    told, books = float(lines[0].split()[1]), read_books(queue)
    if told != books.accepted + books.deduplicated:
        findings.wrong.append(f"{told} told as accepted, {books.accepted} and {books.deduplicated} again in the queue")


def run(folder: Path, number: int, seed: int) -> tuple[GatewayFindings, list[float]]:
    """Fuzz a gateway; gives what came back, and its memory in MB at the start, when warm and at the end."""
    broker = Broker(folder)
    env = {"LEADRELAY_BROKER_URL": broker.url, "LEADRELAY_DATASET_ID": "d", "LEADRELAY_HOME": str(folder / "home")}
    process, url = gateway(folder, env)
    try:
        findings, memory = GatewayFindings(), [memory_mb(process)]
        chosen = attempts(random.Random(seed), number, KINDS)
        warm = int(len(chosen) * WARM)
        for some in (chosen[:warm], chosen[warm:]):
            send(url, some, findings)
            if not process.alive:
                findings.wrong.append("the gateway ended")
                return findings, memory
            memory.append(memory_mb(process))
        findings.judge_memory(memory)
        judge_log(findings, process)
        judge_queue(findings, Queue(broker.client), url)
        return findings, memory
    finally:
        process.kill()
        broker.kill()


def judge_log(findings: Findings, process: Process) -> None:
    """Look for errors in a server's log."""
    text = process.log.read_text("utf-8", "replace")
    if "Traceback" in text or " ERROR " in text:
        findings.wrong.append(f"an error was logged: {process.tail()}")


def main() -> None:
    """Run, and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        began = time.monotonic()
        findings, memory = run(Path(folder), options.requests, options.seed)
    print("sent:", dict(Counter(findings.kinds).most_common()))
    print("answered:", dict(sorted(findings.statuses.items())), f"in {time.monotonic() - began:.0f} s")
    print("ids:", len(findings.ids), "memory, MB: start, warm, end:", [round(one, 1) for one in memory])
    for wrong in findings.wrong[:20]:
        print("WRONG:", wrong)
    sys.exit(1 if findings.wrong else 0)


if __name__ == "__main__":
    main()
