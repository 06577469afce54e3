"""`leadrelay top` and `status` as an operator sees them: on a terminal, wide and narrow, in a pipe, as JSON."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios

import pytest
from leadrelay.queue import Valve
from leadrelay.queue.samples import Samples

from tests.chaos.processes import until
from tests.integration.test_worker import events

TOP = [sys.executable, "-m", "leadrelay", "top"]


class Terminal:
    """A command on a terminal of so many columns."""

    def __init__(self, command, columns, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
            os.execve(command[0], command, {**kept, "TERM": "xterm", **env})  # neither of these is of this terminal
        self.seen = ""

    def shows(self, text):
        """Read what is there, and tell whether a text was ever shown."""
        while select.select([self.fd], [], [], 0)[0]:
            try:
                self.seen += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                break
        return text in self.plain()

    def plain(self):
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.seen)

    def type(self, text):
        os.write(self.fd, text.encode())

    def code(self):
        """Give its exit code, once it has ended."""

        def ended():
            self.shows("")
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return pid and (os.waitstatus_to_exitcode(status),)

        return until(ended, "it has ended")[0]


@pytest.fixture
def env(broker, queue):
    queue.enqueue(events(7))
    return {"LEADRELAY_BROKER_URL": broker.url}


@pytest.mark.parametrize(("columns", "beside"), [(120, True), (50, False)])
def test_it_is_drawn_to_fit_and_q_ends_it(env, columns, beside):
    terminal = Terminal([*TOP, "--interval", "0.2"], columns, env)
    until(lambda: terminal.shows("ready      7"), "it shows what waits")
    line = next(line for line in terminal.plain().splitlines() if "ready      7" in line)
    assert ("success" in line) == beside
    assert "flow Events do not flow: no worker is alive; 7 wait" in " ".join(terminal.plain().split())
    assert len(line.rstrip()) <= columns
    terminal.type("q")
    assert terminal.code() == 0


def test_ctrl_c_ends_it_without_a_word(env):
    terminal = Terminal([*TOP, "--interval", "0.2"], 80, env)
    until(lambda: terminal.shows("ready      7"), "it shows what waits")
    os.kill(terminal.pid, signal.SIGINT)
    assert terminal.code() == 0
    assert "Abort" not in terminal.plain()
    assert "Traceback" not in terminal.plain()


def test_a_broker_that_goes_away_is_shown_and_looked_for_again(env, broker):
    terminal = Terminal([*TOP, "--interval", "0.2"], 80, env)
    until(lambda: terminal.shows("ready      7"), "it shows what waits")
    broker.kill()
    try:
        until(lambda: terminal.shows("looking again"), "it says that the broker is away")
    finally:
        broker.start()
    terminal.seen = ""
    until(lambda: terminal.shows("ready      7"), "it shows what waits again")
    terminal.type("q")
    assert terminal.code() == 0


def test_json_is_a_line_for_each_look(env, queue):
    with subprocess.Popen(
        [*TOP, "--json", "--interval", "0.2"], stdout=subprocess.PIPE, env={**os.environ, **env}
    ) as top:
        assert top.stdout
        first = json.loads(top.stdout.readline())
        queue.enqueue(events(17)[7:])
        later = until(
            lambda: (look := json.loads(top.stdout.readline()))["ledger"]["ready"] == 17 and look, "it sees them"
        )
        top.send_signal(signal.SIGINT)
        assert top.wait(20) == 0
    assert first["ledger"]["ready"] == 7
    assert later["per_s"]["accepted"] > 0
    assert later["at_ms"] > first["at_ms"]
    assert {"at", "verdict", "sending", "lag_s", "headroom_s", "workers"} <= later.keys()


def test_in_a_pipe_it_looks_once(env):
    done = subprocess.run(TOP, capture_output=True, text=True, env={**os.environ, **env}, check=True)
    assert "ready      7\n" in done.stdout


@pytest.mark.parametrize("columns", [40, 200])
def test_status_fits_the_terminal(env, queue, columns):
    Valve(queue).pause("ann", "the endpoint moves to another address tonight, see the ticket of this morning")
    terminal = Terminal([*TOP[:-1], "status"], columns, env)
    assert terminal.code() == 0
    lines = terminal.plain().splitlines()
    assert max(map(len, lines)) <= columns
    assert lines[0].startswith("flow       Sending is paused by ann")
    assert (lines[1].startswith(" " * 11) and "to do" not in lines[1]) == (columns == 40)
    assert "leadrelay resume" in terminal.plain()


def test_status_says_when_the_broker_is_full(env, queue, broker):
    Samples(queue).record()
    queue.enqueue(events(200))
    used = queue.client.info("memory")["used_memory"]
    broker.client.config_set("maxmemory", used + 10_000_000)
    try:
        document = json.loads(subprocess.check_output([*TOP[:-1], "status", "--json"], env={**os.environ, **env}))
    finally:
        broker.client.config_set("maxmemory", 0)
    assert 0 < document["headroom_s"] < 36_000
