"""Nonsense against the sandbox: `python -m tests.fuzz.sandbox --requests 50000`.

Fails when the sandbox answers 5xx without having been told to, leaves a whole request unanswered, ends, logs an error,
or needs more memory at the end than after the first part.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.processes import sandbox
from tests.fuzz.attempts import KINDS, WANTED_FAULT, Attempt, attempts
from tests.fuzz.driving import WARM, Answer, Findings, memory_mb, send


class SandboxFindings(Findings):
    """What a sandbox answered; its own faults are wanted."""

    def odd(self, attempt: Attempt, answers: list[Answer]) -> list[str]:
        """Tell what must not be."""
        return [] if WANTED_FAULT.encode() in b"".join(attempt.parts) else super().odd(attempt, answers)


def run(folder: Path, requests: int, seed: int) -> tuple[Findings, list[float]]:
    """Fuzz a sandbox; gives what came back, and its memory in MB at the start, when warm and at the end."""
    process, url = sandbox(folder)
    try:
        chosen = attempts(random.Random(seed), requests, KINDS)
        findings, memory = SandboxFindings(), [memory_mb(process)]
        warm = int(len(chosen) * WARM)
        for some in (chosen[:warm], chosen[warm:]):
            send(url, some, findings)
            if not process.alive:
                findings.wrong.append("the sandbox ended")
                return findings, memory
            memory.append(memory_mb(process))
        findings.judge_memory(memory)
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
