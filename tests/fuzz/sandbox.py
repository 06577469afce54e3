"""Nonsense against the sandbox: `python -m tests.fuzz.sandbox --requests 50000`.

Fails when the sandbox answers 5xx without having been told to, leaves a whole request unanswered, ends, logs an error,
or needs more memory at the end than after the first part.
"""

from __future__ import annotations

import argparse
import random
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.chaos.processes import Process, sandbox
from tests.fuzz.attempts import WANTED_FAULT, Attempt, attempts

#: Connections at a time.
CLIENTS = 8
#: Part of the run after which memory is taken for settled: caches are full then.
WARM = 0.5
#: MB that the rest of the run may add.
MOST_GROWTH_MB = 12.0
#: Seconds to wait for an answer that must come, and for one that need not.
_PATIENCE_S, _MOMENT_S = 20.0, 0.05
_PAUSE_S = 0.003


@dataclass
class Findings:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def judge(self, attempt: Attempt, answered: list[int]) -> None:
        """Count one attempt's answers."""
        self.kinds[attempt.kind] += 1
        self.statuses.update(answered)
        wanted = WANTED_FAULT.encode() in b"".join(attempt.parts)
        if any(status >= 500 for status in answered) and not wanted:
            self.wrong.append(f"{attempt.kind}: answered {answered}: {b''.join(attempt.parts)[:300]!r}")
        if len(answered) < attempt.answers and not wanted:
            self.wrong.append(
                f"{attempt.kind}: {len(answered)} of {attempt.answers}: {b''.join(attempt.parts)[:300]!r}"
            )


class Client:
    """One connection at a time, kept as long as what went over it was clean."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.address = (where.hostname or "", where.port or 80)
        self.socket: socket.socket | None = None

    def attempt(self, attempt: Attempt) -> list[int]:
        """Send, and give the statuses of the answers that came."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address, timeout=_PATIENCE_S)
        statuses, whole = [], True
        try:
            for part in attempt.parts:
                self.socket.sendall(part)
                if part is not attempt.parts[-1]:
                    time.sleep(_PAUSE_S)
            self.socket.settimeout(_PATIENCE_S if attempt.answers else _MOMENT_S)
            statuses = self.read(max(1, attempt.answers))
        except OSError:
            whole = False
        if not (attempt.clean and whole and len(statuses) == attempt.answers):
            self.close()
        return statuses

    def read(self, number: int) -> list[int]:
        """Read up to `number` answers."""
        assert self.socket is not None
        received, statuses = b"", []
        while len(statuses) < number:
            head, end, rest = received.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0) if end else 0
            if end and len(rest) >= length:
                statuses.append(int(head[9:12]))
                received = rest[length:]
                continue
            try:
                more = self.socket.recv(2**20)
            except OSError:
                break
            if not more:
                break
            received += more
        return statuses

    def close(self) -> None:
        """End the connection at once, without leaving the port in use for a minute."""
        if self.socket is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            self.socket = None


def memory_mb(process: Process) -> float:
    """Give a process's resident memory."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) / 1024


def send(url: str, chosen: list[Attempt], findings: Findings) -> None:
    """Send attempts over several connections at a time."""

    def client(number: int) -> None:
        connection = Client(url)
        for attempt in chosen[number::CLIENTS]:
            findings.judge(attempt, connection.attempt(attempt))
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))


def run(folder: Path, requests: int, seed: int) -> tuple[Findings, list[float]]:
    """Fuzz a sandbox; gives what came back, and its memory in MB at the start, when warm and at the end."""
    process, url = sandbox(folder)
    try:
        chosen = attempts(random.Random(seed), requests)
        findings, memory = Findings(), [memory_mb(process)]
        warm = int(len(chosen) * WARM)
        for some in (chosen[:warm], chosen[warm:]):
            send(url, some, findings)
            if not process.alive:
                findings.wrong.append("the sandbox ended")
                return findings, memory
            memory.append(memory_mb(process))
        if memory[2] > memory[1] + MOST_GROWTH_MB:
            findings.wrong.append(f"memory grew from {memory[1]:.1f} to {memory[2]:.1f} MB")
        if "Traceback" in process.log.read_text("utf-8", "replace"):
            findings.wrong.append(f"an error was logged: {process.tail()}")
        return findings, memory
    finally:
        process.kill()


def main() -> None:
    """Run, and print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        began = time.monotonic()
        findings, memory = run(Path(folder), options.requests, options.seed)
    print("sent:", dict(findings.kinds.most_common()))
    print("answered:", dict(sorted(findings.statuses.items())), f"in {time.monotonic() - began:.0f} s")
    print("memory, MB: start, warm, end:", [round(one, 1) for one in memory])
    for wrong in findings.wrong[:20]:
        print("WRONG:", wrong)
    sys.exit(1 if findings.wrong else 0)


if __name__ == "__main__":
    main()
