"""Gathering facts about the broker, the queue and this machine. Of the broker: INFO, PING, TIME and plain reads."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.doctor.facts import BrokerFacts, Facts, FolderFacts, QueueFacts
from leadrelay.doctor.probe import probe
from leadrelay.errors import BrokerUnavailable, NotAccepted
from leadrelay.queue import scripts
from leadrelay.queue.books import read_books
from leadrelay.queue.hot import hot_lanes
from leadrelay.queue.keys import PRIORITIES
from leadrelay.queue.verify import rewinds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import redis

    from leadrelay.queue import Queue
    from leadrelay.settings import Settings

#: Round trips that are timed.
_PINGS = 10
#: Seconds between the two looks at the queue.
_APART_S = 1.0
#: Messages of a stray queue that are looked at, the newest.
_LOOKED_AT = 20
#: The queue to which Celery sends when a producer names none.
_CELERY_DEFAULT = "celery"


def gather(settings: Settings, opened: Callable[[], Queue], *, producer: bool, wait: Callable[[float], Any]) -> Facts:
    """Gather everything.

    Args:
        settings: This process's.
        opened: Gives the queue; may raise BrokerUnavailable.
        producer: Look at a producer's folders instead of the destination.
        wait: Sleeps for so many seconds.
    """
    unreachable, schema, broker, queue = "", None, None, None
    try:
        found = opened()
        broker = broker_facts(found.client)
        schema = _schema(found)
        queue = _queue_facts(found, wait)
    except BrokerUnavailable as error:
        unreachable = "" if broker else str(error)  # a replica answers, and refuses every script
    except (NotAccepted, exceptions.ResponseError):
        pass  # the checks of the broker and of the schema say why the queue cannot be read
    return Facts(
        namespace=settings.namespace,
        dataset_id=settings.dataset_id,
        timeout_s=settings.timeout_ms / 1000,
        bounded=settings.dead_max is not None or settings.dead_max_age is not None,
        unreachable=unreachable,
        schema=schema,
        broker=broker,
        queue=queue,
        destination=None if producer else probe(settings.destination_url),
        folders=(folder_facts(settings.home),) if producer else (),
    )


def broker_facts(client: redis.Redis) -> BrokerFacts:
    """Ask the broker about itself; raises BrokerUnavailable."""
    try:
        ahead, latency = _timed(client)
        info = _info(client)
        shards = _shards(client) if info.get("cluster_enabled") else None
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    mode = "cluster" if info.get("cluster_enabled") else str(info.get("redis_mode") or info.get("server_mode") or "")
    aof = bool(info["aof_enabled"]) if "aof_enabled" in info else None
    return BrokerFacts(
        name=str(info.get("server_name", "redis")),
        version=_version(info),
        policy=info.get("maxmemory_policy"),
        max_bytes=info.get("maxmemory"),
        used_bytes=info.get("used_memory"),
        machine_bytes=info.get("total_system_memory"),
        aof=aof,
        writes_ok=_writes_ok(info, aof=aof),
        delayed_fsyncs=info.get("aof_delayed_fsync"),
        replica=info["role"] != "master" if "role" in info else None,
        replicas=int(info.get("connected_slaves", 0)),
        min_replicas="min_slaves_good_slaves" in info,
        mode=mode or None,
        shards=shards,
        clock_ahead_s=ahead,
        latency_s=latency,
    )


def folder_facts(path: Path) -> FolderFacts:
    """Look at a folder, or at where it would be made."""
    exists = path.is_dir()
    there = path if exists else next(parent for parent in path.parents if parent.is_dir())
    space = os.statvfs(there)
    return FolderFacts(
        path=str(path),
        exists=exists,
        writable=os.access(there, os.W_OK | os.X_OK),
        private=not exists or not path.stat().st_mode & 0o077,
        free_bytes=space.f_bavail * space.f_frsize,
        filesystem=_filesystem(there),
    )


def _timed(client: redis.Redis) -> tuple[float, tuple[float, float]]:
    trips = []
    for _ in range(_PINGS):
        started = time.perf_counter()
        client.time()  # a broker whose disk is full refuses even a ping
        trips.append(time.perf_counter() - started)
    before = time.time()
    seconds, micros = client.time()
    middle = (before + time.time()) / 2
    return seconds + micros / 1e6 - middle, (median(trips), max(trips))


def _info(client: redis.Redis) -> dict[str, Any]:
    try:
        return dict(client.info())
    except exceptions.ResponseError:  # not allowed for this user
        return {}


def _shards(client: redis.Redis) -> int | None:
    try:
        reply: Any = client.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    except exceptions.ResponseError:
        return None
    if not isinstance(reply, dict):
        reply = dict(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)
    return int(reply["cluster_size"])


def _version(info: Mapping[str, Any]) -> tuple[int, ...] | None:
    text = str(info.get("valkey_version") or info.get("redis_version") or "")
    return tuple(int(part) for part in text.split(".") if part.isdigit()) or None


def _writes_ok(info: Mapping[str, Any], *, aof: bool | None) -> bool | None:
    names = ("aof_last_write_status", "rdb_last_bgsave_status") if aof else ("rdb_last_bgsave_status",)
    states = [info[name] for name in names if name in info]
    return all(state == "ok" for state in states) if states else None


def _schema(queue: Queue) -> int | None:
    try:
        schema: Any = queue.client.hget(queue.keys.name("ledger"), "schema")
    except exceptions.RedisError as error:
        raise scripts.translate(error) from error
    return int(schema) if schema else None


def _queue_facts(queue: Queue, wait: Callable[[float], Any]) -> QueueFacts:
    before = read_books(queue)
    wait(_APART_S)
    after = read_books(queue)
    lengths: list[Any] = [queue.client.llen(inbox) for inbox in queue.keys.inbox]
    return QueueFacts(
        before=before,
        after=after,
        rewinds=tuple(rewinds(queue, after)),
        inbox=dict(zip(PRIORITIES, lengths, strict=True)),
        hot=hot_lanes(queue),
        stray=_stray(queue.client, queue.keys.namespace),
    )


def _stray(client: redis.Redis, namespace: str) -> dict[str, int]:
    if namespace == _CELERY_DEFAULT:
        return {}
    try:
        newest: Any = client.lrange(_CELERY_DEFAULT, 0, _LOOKED_AT - 1)
        number: Any = client.llen(_CELERY_DEFAULT) if any(map(_is_ours, newest)) else 0
    except exceptions.ResponseError:  # another application's key of another type, or not allowed
        return {}
    return {_CELERY_DEFAULT: number} if number else {}


def _is_ours(raw: bytes) -> bool:
    try:
        return bool(json.loads(raw)["headers"]["task"] == "track_event")
    except (ValueError, TypeError, KeyError):
        return False


def _filesystem(path: Path) -> str:
    """Give the type of the file system under a path, by the longest mount point above it; "" where that is not told."""
    try:
        points = [line.split()[1:3] for line in Path("/proc/mounts").read_text("utf-8").splitlines()]
    except OSError:
        return ""
    above = [(point, kind) for point, kind in points if path.resolve().is_relative_to(point)]
    return max(above, key=lambda mount: len(mount[0]), default=("", ""))[1]
