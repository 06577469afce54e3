"""The README's tour, as a newcomer types it: each command does what it says."""

import contextlib
import gzip
import os
import re
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.chaos.processes import free_port

README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")
TOUR = README.split("## A tour in 60 seconds")[1].split("## What to install where")[0]
LINES = re.findall(r"^    (.+)$", TOUR, re.MULTILINE)
NOW = datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
FILES = {
    "leads.csv": b"E-mail,score\nann@example.com,3\nbob@example.com,4\n",
    "access.log.gz": gzip.compress(f'192.0.2.1 - - [{NOW}] "GET /a HTTP/1.1" 200 5 "-" "Mozilla/5.0"\n'.encode()),
    "events.jsonl": b'{"ti": "signup", "userId": "7"}\n',
}


@pytest.fixture
def shell(tmp_path):
    """Run lines of the README in one shell, each told before it runs; the first that fails ends it."""

    def run(lines):
        script = "\n".join(f"echo {shlex.quote('$ ' + line)}\n{line}" for line in lines)
        kept = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path / "home")}
        return subprocess.run(
            ["bash", "-ec", script],
            env=kept,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )

    (tmp_path / "home").mkdir()
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    yield run
    for pid in running(tmp_path):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
def test_each_command_works_from_an_empty_home(shell, tmp_path):
    base, *_, gateway = (free_port() for _ in range(6))  # `up` takes four
    there = {"8010": str(base), "8011": str(base + 1), "8020": str(gateway)}
    tour = [re.sub("|".join(there), lambda port: there[port[0]], line) for line in LINES if not line.startswith("pip ")]
    tour = [line.replace("up --sandbox", f"up --sandbox --port-base {base}") for line in tour]
    tour = [line.replace("leadrelay gateway", f"leadrelay gateway --port {gateway}") for line in tour]
    end = next(line for line in tour if line.startswith("kill %1"))
    tour.remove(end)
    answers = 'until curl -sf "{}" >/dev/null; do sleep 0.1; done'
    ready = {
        "leadrelay up": f"http://127.0.0.1:{base + 3}/readyz",
        "leadrelay gateway": f"http://127.0.0.1:{gateway}/readyz",
    }
    script = []
    for line in tour:
        script += [line, *(answers.format(url) for command, url in ready.items() if line.startswith(command))]
    done = shell([*script, "kill %2; wait %2 || true", end, "wait %1"])
    said = done.stdout
    assert done.returncode == 0, said[-3000:]
    assert "Traceback" not in said
    assert "flow       Events flow" in said
    assert "0 problems" in said
    assert "canary: delivered" in said
    assert f"look at http://127.0.0.1:{base + 1} for the event" in said
    assert "balanced: every accepted event" in said
    assert "state      delivered" in said
    assert re.search(r"^[0-9a-f]{32}\$ kill %2", said, re.MULTILINE), "the gateway answers with an id"
    assert running(tmp_path) == []


def running(folder):
    """Give the processes that were started in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or is not ours
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(int(process.name))
    return found
