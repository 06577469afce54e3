"""A broker whose disk is full: a small tmpfs, or a limit on the size of its files where that cannot be mounted."""

from __future__ import annotations

import resource
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import redis

from tests.chaos.processes import Broker, Process, Unavailable, until
from tests.chaos.run import Run

if TYPE_CHECKING:
    from tests.chaos.oracle import Verdict

_MB = 1_000_000


class Disk(Protocol):
    """Something that can be full, and have room again."""

    def start(self, folder: Path, fsync: str) -> Broker:
        """Start a broker on it."""

    def fill(self, broker: Broker) -> None:
        """Leave room for a few hundred KB more."""

    def free(self, broker: Broker) -> None:
        """Make room."""

    def close(self) -> None:
        """Take it away."""


class SmallDisk:
    """A tmpfs in a mount namespace of its own, which ends with the process that holds it; a file takes up the room."""

    _MOUNT = "/mnt"
    _SIZE = 64 * _MB

    def __init__(self, folder: Path) -> None:
        """Mount it; raises Unavailable when this machine does not let us."""
        script = f"mount -t tmpfs -o size={self._SIZE} small {self._MOUNT} && echo mounted && exec sleep 3600"
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
        self._holder = Process("disk", command, folder)
        until(lambda: "mounted" in self._holder.tail() or not self._holder.alive, "the small disk is mounted", 10)
        if not self._holder.alive:
            raise Unavailable(f"no tmpfs can be mounted here ({self._holder.tail().strip()})")
        self._ballast = Path(f"/proc/{self._holder.pid}/root{self._MOUNT}/ballast")

    def start(self, folder: Path, fsync: str) -> Broker:
        """Start a broker inside the namespace."""
        inside = ["nsenter", f"--target={self._holder.pid}", "--user", "--mount", "--preserve-credentials"]
        return Broker(folder, fsync=fsync, prefix=inside, data=self._MOUNT)

    def fill(self, broker: Broker) -> None:
        """Write the ballast."""
        del broker
        with self._ballast.open("wb") as file:
            left = shutil.disk_usage(self._ballast.parent).free
            file.write(bytes(left - _MB // 2))

    def free(self, broker: Broker) -> None:
        """Remove the ballast."""
        del broker
        self._ballast.unlink()

    def close(self) -> None:
        """End the namespace."""
        self._holder.kill()


class LimitedFiles:
    """A limit on the size of the broker's files: a write beyond it fails, as on a full disk."""

    def __init__(self, folder: Path) -> None:
        """See the class."""
        self._files = folder / "broker" / "appendonlydir"

    def start(self, folder: Path, fsync: str) -> Broker:
        """Start a broker."""
        return Broker(folder, fsync=fsync)

    def fill(self, broker: Broker) -> None:
        """Set the limit."""
        largest = max(file.stat().st_size for file in self._files.iterdir())
        self._limit(broker, largest + _MB // 2)

    def free(self, broker: Broker) -> None:
        """Take the limit back."""
        if broker.process.alive:
            self._limit(broker, resource.RLIM_INFINITY)

    def _limit(self, broker: Broker, size: int) -> None:
        resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def close(self) -> None:
        """Do nothing."""


#: What can be full, by name.
DISKS: dict[str, type[SmallDisk | LimitedFiles]] = {"tmpfs": SmallDisk, "file size limit": LimitedFiles}


def full(folder: Path, kind: str, fsync: str, times: int = 1, events: int = 8_000) -> Verdict:
    """Fill the broker's disk under load: enqueue is refused, and when there is room again everything goes on.

    Under `everysec` the server then refuses writes; under `always` it ends, and is started again.
    """
    disk: Disk = DISKS[kind](folder)
    try:
        with Run(folder, broker=disk.start(folder, fsync)) as run:
            worker = run.start_worker()
            run.produce(events, rate=1500)
            for _ in range(times):
                run.flows(100)
                disk.fill(run.broker)
                until(lambda: _refused(run), "the broker refuses writes, or has ended", 60)
                time.sleep(3)
                if not worker.alive:
                    raise AssertionError("the worker did not outlive the full disk")
                disk.free(run.broker)
                if not run.broker.process.alive:
                    run.restart_broker()
                until(lambda: not _refused(run), "the broker has room again")
                run.did("full disks")
            run.drain(240)
            return run.verdict()
    finally:
        disk.close()


def _refused(run: Run) -> bool:
    try:
        return run.broker.client.info("persistence")["aof_last_write_status"] != "ok"
    except redis.ConnectionError:  # it has ended
        return True
