"""A real PostgreSQL for the tests that need one: Debian's server, on loopback, in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg

from tests.chaos.processes import free_port, until


def binaries() -> Path | None:
    """Give the folder of the newest server on this machine, None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Postgres:
    """One server, which gives fresh databases; it refuses to run as root, so it runs as the package's user then."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self._databases = folder, free_port(), 0
        self._user = None if os.geteuid() else _other_user()
        if self._user:
            shutil.chown(folder, self._user)
        data = str(folder / "data")
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").wait(120)
        self._server = self._run(
            "postgres", "-D", data, "-p", str(self.port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1",
            "-c", "fsync=off", "-c", "max_connections=60",
        )  # fmt: skip
        until(self._answers, "PostgreSQL answers")

    def fresh(self) -> str:
        """Make a database and give its name."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def url(self, name: str) -> str:
        """Give the URL of a database, as psycopg takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        """End the server, without asking its clients."""
        self._server.terminate() if self._server.poll() is not None else self._server.send_signal(3)
        self._server.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *options: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "server.log").open("ab")
        as_user = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid, "extra_groups": []}
        folder = binaries()
        assert folder
        with log:
            return subprocess.Popen(
                [str(folder / program), *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                **(as_user if self._user else {}),
            )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            assert self._server.poll() is None, (self.folder / "server.log").read_text()[-2000:]
            return False
        return True


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def folder() -> Path:
    """Make a folder that the server's user can reach; one of pytest is root's alone."""
    return Path(tempfile.mkdtemp(prefix="leadrelay-pg-"))
