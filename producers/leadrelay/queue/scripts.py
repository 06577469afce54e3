"""Loading and running the Lua scripts; a broker that forgot them (a restart) is given them again."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.errors import BrokerFull, BrokerUnavailable, EnqueueTooLate, SchemaTooNew

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

#: redis-py before 5.0 has no class for it and leaves the code in the text.
_OUT_OF_MEMORY: type[Exception] = getattr(exceptions, "OutOfMemoryError", exceptions.NoScriptError)

#: Answers of a broker that cannot serve now, by the first word (redis-py has no class for these), and why.
_CANNOT_SERVE = {
    "MISCONF": "it cannot write its data: the disk may be full",
    "NOREPLICAS": "too few replicas follow it",
    "BUSY": "a script holds it",
    "DENIED": "it takes no connections from other machines until it has a password or an access list",
    "NOPERM": "its access list does not allow this, ops/redis/users.acl does",
}
#: Errors of a broker that is away, and what they mean beyond that; the first that fits.
_AWAY: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.AuthenticationError, "the broker refuses the user or password of its URL"),
    (exceptions.BusyLoadingError, "the broker loads its data, which takes a moment"),
    (exceptions.ReadOnlyError, "the broker is a replica and takes no writes: the primary is needed"),
    (exceptions.InvalidResponse, "what answers there is no Redis or Valkey"),
    (exceptions.ConnectionError, ""),
    (exceptions.TimeoutError, ""),
    (exceptions.ClusterDownError, ""),
    (exceptions.TryAgainError, ""),
)
#: Answers of a broker that is not what we need, by a part of their text, and what they mean.
_UNFIT = {
    "DB index is out of range": "the broker has no database of the number at the end of its URL",
    "unexpected symbol near '#'": "the broker is too old: Redis or Valkey 7 or newer is needed",
}
#: Characters of an error's own text that are shown.
_MOST_SHOWN = 160

#: Scripts that a full broker may refuse: what they bring in is still safe with the caller. All others must
#: run when memory is full, or the queue could not be emptied.
REFUSED_WHEN_FULL = frozenset({"enqueue", "replay"})
#: Scripts that write nothing: they also run on a broker that refuses every write (a full disk), and on a replica.
READ_ONLY = frozenset({"books", "reasons"})


@cache
def source(name: str) -> str:
    """Give the text of a script as the broker runs it: flags, the common part, the script."""
    folder = files("leadrelay.queue") / "lua"
    flags = "#!lua" if name in REFUSED_WHEN_FULL else "#!lua flags=allow-oom"
    flags += ",no-writes" if name in READ_ONLY else ""
    common = (folder / "_common.lua").read_text("utf-8")
    return f"{flags}\n{common}\n{(folder / f'{name}.lua').read_text('utf-8')}"


@cache
def sha(name: str) -> str:
    """Give the digest under which the broker knows a script."""
    return hashlib.sha1(source(name).encode(), usedforsecurity=False).hexdigest()


def run(client: redis.Redis, name: str, keys: Sequence[str], args: Sequence[Any]) -> Any:
    """Run one script.

    Args:
        client: Connection pool of redis-py (4.5 or newer).
        name: File name without ``.lua``.
        keys: All keys that it reads or writes.
        args: Its arguments, as its first lines list them.

    Returns:
        Its reply.

    Raises:
        BrokerFull: The broker has no memory for new events.
        BrokerUnavailable: No connection, a time-out, or the broker cannot serve now.
        SchemaTooNew: A newer leadrelay wrote this namespace.
        EnqueueTooLate: The call arrived after its deadline and did nothing.
    """
    try:
        try:
            return client.evalsha(sha(name), len(keys), *keys, *args)
        except exceptions.NoScriptError:
            return client.eval(source(name), len(keys), *keys, *args)
    except exceptions.RedisError as error:
        raise translate(error) from error


def run_together(client: redis.Redis, calls: Sequence[tuple[str, Sequence[str], Sequence[Any]]]) -> list[Any]:
    """Run several scripts in one round trip, in order, each as `run` would.

    A script that the broker forgot is loaded and the whole sequence sent again, so every script in it must be
    idempotent by its request id.
    """
    for attempt in (1, 2):
        pipe = client.pipeline(transaction=False)
        for name, keys, args in calls:
            pipe.evalsha(sha(name), len(keys), *keys, *args)
        try:
            replies: list[Any] = pipe.execute(raise_on_error=False)
        except exceptions.RedisError as error:
            raise translate(error) from error
        if attempt == 1 and any(isinstance(reply, exceptions.NoScriptError) for reply in replies):
            _load(client, [name for name, _, _ in calls])
            continue
        break
    for reply in replies:
        if isinstance(reply, exceptions.RedisError):
            raise translate(reply) from reply
    return replies


def _load(client: redis.Redis, names: Sequence[str]) -> None:
    try:
        for name in names:
            client.script_load(source(name))
    except exceptions.RedisError as error:
        raise translate(error) from error


def refusal(client: redis.Redis, key: str) -> str:
    """Say why the broker refuses every write, ``""`` when it takes them or does not let this user try.

    Args:
        client: A connection.
        key: A HASH, from which a field is deleted that is never there.

    Raises:
        BrokerUnavailable: It does not answer.
    """
    try:
        client.hdel(key, "-")
    except exceptions.NoPermissionError:
        return ""
    except (exceptions.ConnectionError, exceptions.TimeoutError) as error:
        raise translate(error) from error
    except exceptions.RedisError as error:
        told = translate(error)
        return str(told) if isinstance(told, BrokerUnavailable) else ""
    return ""


def translate(error: exceptions.RedisError) -> Exception:
    """Turn an error of redis-py into one of ours; an unknown one stays what it is."""
    text = str(error)
    if "LEADRELAY_SCHEMA" in text:
        return SchemaTooNew(
            f"this namespace is of schema {text.rsplit(maxsplit=1)[-1]}, newer than this release: upgrade it"
        )
    if "LEADRELAY_LATE" in text:
        return EnqueueTooLate("the call reached the broker after its deadline and did nothing")
    if "LEADRELAY_FULL" in text or isinstance(error, _OUT_OF_MEMORY) or text.startswith("OOM "):
        return BrokerFull("the broker's memory is full: the event was not accepted; see `leadrelay status`")
    unavailable = _unavailable(error)
    return BrokerUnavailable(unavailable) if unavailable else error


def _unavailable(error: exceptions.RedisError) -> str:
    """Say why the broker does not serve, ``""`` when this error means something else."""
    meaning = next((meaning for kind, meaning in _AWAY if isinstance(error, kind)), None)
    if meaning is not None:
        kind = type(error).__name__
        return f"{meaning} ({kind})" if meaning else f"the broker cannot be reached ({_shown(error)})"
    text = str(error)
    code = "NOPERM" if isinstance(error, exceptions.NoPermissionError) else text.partition(" ")[0]
    if code in _CANNOT_SERVE:
        return f"the broker refuses to serve ({code}: {_CANNOT_SERVE[code]}); see its log"
    return next((meaning for part, meaning in _UNFIT.items() if part in text), "")


def _shown(error: Exception) -> str:
    """Show an error of a connection: redis-py names host and port in it, and nothing of an event."""
    text = " ".join(str(error).split())[:_MOST_SHOWN].rstrip(".")
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
