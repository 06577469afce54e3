"""The processes of a run: broker, sandbox, workers, producer. Each is started, killed and awaited by its own id."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import redis
import requests
from leadrelay.broker import connect
from leadrelay.embedded import server_binary, server_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Unavailable(Exception):
    """This machine lacks what a scenario needs; the message says what."""


#: Below the ports that the system gives to connections (from 32768 on), so that none takes one of these in between.
_PORTS = range(20_000, 32_000)
_port_locks = os.open(Path(tempfile.gettempdir(), f"leadrelay-test-ports-{os.getuid()}"), os.O_CREAT | os.O_RDWR, 0o600)
_next_ports = itertools.islice(itertools.cycle(_PORTS), random.SystemRandom().randrange(len(_PORTS)), None)


def free_port() -> int:
    """Give a loopback port that nobody listens on, and that no other process is given while this one lives."""
    for port in itertools.islice(_next_ports, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            fcntl.lockf(_port_locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    message = f"no port of {_PORTS} is free"
    raise Unavailable(message)


def until(predicate: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
    """Wait until `predicate` gives something true, and give it back; fail with `what` at the deadline."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = predicate()
        if value:
            return value
        time.sleep(0.02)
    message = f"not within {timeout:.0f} s: {what}"
    raise AssertionError(message)


class Process:
    """A child process with its output in a file."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        *,
        restore_signals: bool = True,
    ) -> None:
        """Start `command`; `env` is laid over this process's environment."""
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                command,
                stdout=out,
                stderr=out,
                cwd=folder,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                restore_signals=restore_signals,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.child.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL the process and what it started, and reap it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.child.wait(10)

    def children(self) -> list[int]:
        """Give the process ids of its children, as its main thread started them."""
        try:
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except OSError:
            return []

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM it and give its exit code; kill it at the deadline."""
        self.child.terminate()
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def tail(self) -> str:
        """Give the end of its output."""
        return self.log.read_text("utf-8", "replace")[-2000:]


class Broker:
    """A real server with an append-only file, on one port for its whole life."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        fsync: str = "everysec",
        env: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        data: str = "",
    ) -> None:
        """Start it.

        Args:
            folder: Where its log goes, and its data.
            options: Appended to the server's command line.
            fsync: `always` or `everysec`.
            env: Laid over its environment.
            prefix: A command that runs it.
            data: Where its data goes instead, as it sees it.
        """
        self.folder = folder / "broker"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.options = (*options, "--appendfsync", fsync)
        self.env = {**server_environment(), **(env or {})}
        self.prefix = prefix
        self.data = data or str(self.folder)
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = connect(self.url, 5)
        self.start()

    def start(self) -> None:
        """Start the server on its append-only file and wait until it answers."""
        command = [
            *self.prefix, str(server_binary()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.data,
            "--save", "", "--appendonly", "yes", "--maxmemory-policy", "noeviction", *self.options,
        ]  # fmt: skip
        # A limit on the size of its files must fail a write, not kill it: Python ignores that signal, and so will it.
        self.process = Process("broker", command, self.folder, self.env, restore_signals=False)
        until(self._answers, "the broker answers")

    def kill(self) -> None:
        """SIGKILL the server."""
        self.process.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


def worker(folder: Path, env: Mapping[str, str], name: str, *options: str) -> Process:
    """Start `leadrelay worker`."""
    command = [sys.executable, "-m", "leadrelay", "worker", "--name", name, *options]
    return Process(name, command, folder, env)


def producer(folder: Path, env: Mapping[str, str], events: int, file: str = "accepted.txt", **options: Any) -> Process:
    """Start a producer of `events` events that are written down in `file`; see `tests.chaos.produce`."""
    command = [sys.executable, "-m", "tests.chaos.produce", str(folder / file), str(events)]
    for key, value in options.items():
        command += [f"--{key}", str(value)]
    root = str(Path(__file__).parent.parent.parent)
    return Process(file.partition(".")[0], command, folder, {**env, "PYTHONPATH": root})


def sandbox(folder: Path, port: int = 0, *options: str) -> tuple[Process, str]:
    """Start `leadrelay sandbox` with its store in `folder`; gives it and its URL."""
    command = [
        sys.executable,
        "-m",
        "leadrelay",
        "sandbox",
        "--port",
        str(port),
        "--store",
        str(folder / "arrived.sqlite"),
        *options,
    ]
    log = folder / "sandbox.log"
    before = log.stat().st_size if log.exists() else 0  # of an earlier one on the same store
    process = Process("sandbox", command, folder)
    return process, served(process, before, "/_sandbox/stats")


def gateway(folder: Path, env: Mapping[str, str], *options: str, port: int = 0) -> tuple[Process, str]:
    """Start `leadrelay gateway`; gives it and its URL."""
    command = [sys.executable, "-m", "leadrelay", "gateway", "--port", str(port), *options]
    log = folder / "gateway.log"
    before = log.stat().st_size if log.exists() else 0
    process = Process("gateway", command, folder, env)
    return process, served(process, before, "/healthz")


def served(process: Process, before: int, path: str) -> str:
    """Wait until a server has said where it listens, after so many bytes of its log, and answers; gives its URL."""

    def announced() -> str | None:
        lines = process.log.read_bytes()[before:].decode().splitlines()
        return next((line for line in reversed(lines) if line.startswith("http://")), None)

    url = str(until(announced, f"the {process.name} says where it listens"))
    until(lambda: _answers(url + path), f"the {process.name} answers")
    return url


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).ok
    except requests.RequestException:
        return False
