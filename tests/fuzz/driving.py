"""Sending attempts over several connections at a time, and what came back."""

from __future__ import annotations

import socket
import struct
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.chaos.processes import Process
    from tests.fuzz.attempts import Attempt

#: Connections at a time.
CLIENTS = 8
#: Part of a run after which memory is taken for settled: caches are full then.
WARM = 0.5
#: MB that the rest of a run may add.
MOST_GROWTH_MB = 12.0
#: Seconds to wait for an answer that must come, and for one that need not.
_PATIENCE_S, _MOMENT_S = 20.0, 0.05
_PAUSE_S = 0.003


class Answer(NamedTuple):
    """One answer."""

    status: int
    body: bytes


@dataclass
class Findings:
    """What came back."""

    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def judge(self, attempt: Attempt, answers: list[Answer]) -> None:
        """Count one attempt's answers."""
        self.kinds[attempt.kind] += 1
        self.statuses.update(answer.status for answer in answers)
        for odd in self.odd(attempt, answers):
            self.wrong.append(f"{attempt.kind}: {odd}: {b''.join(attempt.parts)[:300]!r}")

    def odd(self, attempt: Attempt, answers: list[Answer]) -> list[str]:
        """Tell what must not be."""
        found = [f"answered {answer.status}" for answer in answers if answer.status >= 500]
        if len(answers) < attempt.answers:
            found.append(f"{len(answers)} answers of {attempt.answers}")
        return found

    def judge_memory(self, memory: list[float]) -> None:
        """Look at memory in MB at the start, when warm, and at the end."""
        if memory[2] > memory[1] + MOST_GROWTH_MB:
            self.wrong.append(f"memory grew from {memory[1]:.1f} to {memory[2]:.1f} MB")


class Client:
    """One connection at a time, kept as long as what went over it was clean."""

    def __init__(self, url: str) -> None:
        where = urlsplit(url)
        self.address = (where.hostname or "", where.port or 80)
        self.socket: socket.socket | None = None
        self.closing = False

    def attempt(self, attempt: Attempt) -> list[Answer]:
        """Send, and give the answers that came."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address, timeout=_PATIENCE_S)
        answers: list[Answer] = []
        whole = True
        try:
            for part in attempt.parts:
                self.socket.sendall(part)
                if part is not attempt.parts[-1]:
                    time.sleep(_PAUSE_S)
            self.socket.settimeout(_PATIENCE_S if attempt.answers else _MOMENT_S)
            answers = self.read(max(1, attempt.answers))
        except OSError:
            whole = False
        if self.closing or not (attempt.clean and whole and len(answers) == attempt.answers):
            self.close()
        return answers

    def read(self, number: int) -> list[Answer]:
        """Read up to `number` answers."""
        assert self.socket is not None
        received = b""
        answers: list[Answer] = []
        while len(answers) < number:
            head, end, rest = received.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0] or 0) if end else 0
            if end and len(rest) >= length:
                answers.append(Answer(int(head[9:12]), rest[:length]))
                self.closing = b"\r\nconnection: close" in head.lower()
                received = rest[length:]
                continue
            try:
                more = self.socket.recv(2**20)
            except OSError:
                break
            if not more:
                break
            received += more
        return answers

    def close(self) -> None:
        """End the connection at once, without leaving the port in use for a minute."""
        if self.socket is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            self.socket, self.closing = None, False


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
