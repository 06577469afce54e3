"""What the doctor knows, gathered before it judges. None stands for what could not be learnt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.queue import Books
    from leadrelay.queue.hot import HotLane


@dataclass(frozen=True, slots=True)
class BrokerFacts:
    """The broker as INFO, PING and TIME show it.

    Args:
        name: ``redis``, ``valkey`` …
        version: As numbers; a Valkey says the Redis version that it is compatible with beside its own.
        policy: `maxmemory_policy`.
        max_bytes: `maxmemory`, 0 for none.
        used_bytes: Memory in use.
        machine_bytes: Memory of its machine.
        aof: Whether it keeps an append-only file.
        writes_ok: Whether the last write of its files succeeded.
        delayed_fsyncs: Writes that had to wait for the disk.
        replica: Whether it is a replica, which takes no writes.
        replicas: How many follow it.
        min_replicas: Whether it refuses writes when too few follow.
        mode: ``standalone``, ``cluster`` or ``sentinel``.
        shards: Shards of its cluster that hold slots.
        clock_ahead_s: Its clock less this machine's.
        latency_s: Median and worst of a few round trips.
    """

    name: str = "redis"
    version: tuple[int, ...] | None = None
    policy: str | None = None
    max_bytes: int | None = None
    used_bytes: int | None = None
    machine_bytes: int | None = None
    aof: bool | None = None
    writes_ok: bool | None = None
    delayed_fsyncs: int | None = None
    replica: bool | None = None
    replicas: int = 0
    min_replicas: bool = False
    mode: str | None = None
    shards: int | None = None
    clock_ahead_s: float | None = None
    latency_s: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """The queue at two moments.

    Args:
        before: The books.
        after: The books a moment later.
        rewinds: What the broker itself lost, in words (`verify.rewinds`).
        inbox: Messages of plain Celery producers, by the step of their priority.
        hot: Lanes that hold back many events.
        stray: `track_event` messages in queues that nobody here reads, by the queue's name.
    """

    before: Books
    after: Books
    rewinds: tuple[str, ...] = ()
    inbox: Mapping[int, int] = field(default_factory=dict)
    stray: Mapping[str, int] = field(default_factory=dict)
    hot: tuple[HotLane, ...] = ()


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """The destination as one harmless request found it: a GET without a dataset id, so that it belongs to nobody.

    Args:
        host: Its name.
        tls: Whether it is https.
        local: Whether it is this machine.
        failure: Why there was no answer: ``dns``, ``connect``, ``tls``, ``timeout`` or ``cut``; "" when there was one.
        detail: Of the failure.
        status: Of the answer.
        with_id: Whether the answer holds something like an event id.
    """

    host: str
    tls: bool
    local: bool
    failure: str = ""
    detail: str = ""
    status: int | None = None
    with_id: bool = False


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """A folder that must outlive processes.

    Args:
        path: Which.
        exists: Whether it is there.
        writable: Whether this process can write into it, or could make it.
        private: Whether nobody else can read it.
        free_bytes: Space left for this user.
        filesystem: Its type, such as ``ext4``; "" when not known.
    """

    path: str
    exists: bool
    writable: bool
    private: bool
    free_bytes: int
    filesystem: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it.

    Args:
        namespace: Of the settings; also the queue name of plain Celery producers.
        dataset_id: Of the settings.
        timeout_s: What one `track_event` may take.
        bounded: Whether a policy bounds the number or age of dead letters.
        unreachable: Why the broker could not be asked, "" when it could.
        schema: Version of the keys, None for an empty namespace.
        broker: None when it could not.
        queue: None when it could not.
        destination: None when it was not asked.
        folders: Of a producer; empty when they were not looked at.
    """

    namespace: str
    dataset_id: str | None
    timeout_s: float
    bounded: bool = False
    unreachable: str = ""
    schema: int | None = None
    broker: BrokerFacts | None = None
    queue: QueueFacts | None = None
    destination: DestinationFacts | None = None
    folders: tuple[FolderFacts, ...] = ()
