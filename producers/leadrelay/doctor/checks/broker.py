"""Checks of the broker. Sources: docs/brokers.md names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leadrelay.doctor.finding import Finding, ok, problem, warning
from leadrelay.queue.core import LEASE_S

if TYPE_CHECKING:
    from leadrelay.doctor.facts import Facts

#: Major release of Redis whose scripts may say that they run when memory is full.
LEAST_VERSION = 7
#: Seconds by which clocks may differ before times of attempts and of events are told wrongly; before they mislead.
CLOCK_ODD_S, CLOCK_WRONG_S = 2.0, 30.0
#: Round trips that fit into the time of a producer's call: it makes one, and tries twice.
TRIPS = 3


def reachable(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the broker answers."""
    if facts.unreachable:
        return [
            problem(
                check,
                facts.unreachable,
                "nothing is accepted or delivered without it",
                "start it, or set LEADRELAY_BROKER_URL to where it is",
            )
        ]
    if facts.broker and facts.broker.policy is None and facts.broker.version is None:
        return [
            warning(
                check,
                "it answers, but not to INFO",
                "whether it evicts, persists or is a replica cannot be seen",
                "allow this user the command INFO",
            )
        ]
    return [ok(check, "it answers")] if facts.broker else []


def version(check: str, facts: Facts) -> list[Finding]:
    """Judge the server's release."""
    if facts.broker is None or facts.broker.version is None:
        return []
    what = f"{facts.broker.name} {'.'.join(map(str, facts.broker.version))}"
    if facts.broker.version[0] >= LEAST_VERSION:
        return [ok(check, what)]
    return [
        problem(
            check,
            what,
            "its scripts cannot say that they must run when memory is full: a full queue could not be emptied",
            f"use Redis {LEAST_VERSION} or newer, or Valkey",
        )
    ]


def eviction(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the broker may throw the queue away."""
    policy = facts.broker.policy if facts.broker else None
    if policy is None:
        return []
    if policy == "noeviction":
        return [ok(check, "none (noeviction)")]
    if not policy.startswith("volatile-"):
        return [
            problem(
                check,
                policy,
                "when its memory is full the broker deletes keys, the whole queue among them",
                "set maxmemory-policy to noeviction, or use a broker of its own for leadrelay",
            )
        ]
    return [
        warning(
            check,
            policy,
            "leadrelay's keys never expire and so are not evicted, but this is one setting away from allkeys",
            "set maxmemory-policy to noeviction",
        )
    ]


def replica(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the broker takes writes."""
    if facts.broker is None or facts.broker.replica is None:
        return []
    if not facts.broker.replica:
        return [ok(check, "no, a primary")]
    return [
        problem(
            check,
            "yes",
            "a replica refuses every write, so nothing can be accepted or delivered",
            "point LEADRELAY_BROKER_URL at the primary",
        )
    ]


def cluster(check: str, facts: Facts) -> list[Finding]:
    """Judge a cluster: the queue lives in one slot, so all but one shard would be idle or ask to be redirected."""
    if facts.broker is None or facts.broker.mode != "cluster":
        return []
    shards = facts.broker.shards
    if shards == 1:
        return [ok(check, "one shard")]
    if shards is None:
        return [
            warning(
                check,
                "of a number of shards that it does not tell",
                "leadrelay speaks to one node and follows no redirection: with several shards it fails",
                "make sure that there is one shard",
            )
        ]
    return [
        problem(
            check,
            f"{shards} shards",
            "leadrelay speaks to one node and follows no redirection; what lies in another node's slots fails",
            "use a broker without cluster mode, or a cluster of one shard",
        )
    ]


def sentinel(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the URL names a Sentinel, which holds no data."""
    if facts.broker is None or facts.broker.mode != "sentinel":
        return []
    return [
        problem(
            check,
            "the URL names a Sentinel",
            "a Sentinel knows where the data is, but holds none",
            "point LEADRELAY_BROKER_URL at the primary, by a name that follows it",
        )
    ]


def failover(check: str, facts: Facts) -> list[Finding]:
    """Judge what a failover may lose."""
    if facts.broker is None or not facts.broker.replicas:
        return []
    what = f"{facts.broker.replicas} replicas"
    if facts.broker.min_replicas:
        return [ok(check, f"{what}; writes are refused when too few follow")]
    return [
        warning(
            check,
            what,
            "replication is asynchronous: a failover may lose events that were accepted in the last moments",
            "set min-replicas-to-write; `leadrelay verify` says what a failover lost",
        )
    ]


def persistence(check: str, facts: Facts) -> list[Finding]:
    """Judge what a restart of the broker loses."""
    if facts.broker is None or facts.broker.aof is None:
        return []
    if facts.broker.writes_ok is False:
        return [
            problem(
                check,
                "its last write to disk failed",
                "what is accepted now is lost when the broker restarts, and it may refuse writes altogether",
                "look at the broker's log: a full disk, mostly",
            )
        ]
    if facts.broker.aof:
        return [ok(check, "append-only file")]
    return [
        warning(
            check,
            "no append-only file",
            "a restart of the broker loses what it accepted since its last snapshot, or everything",
            "set appendonly yes; where a service has none, see docs/brokers.md",
        )
    ]


def disk(check: str, facts: Facts) -> list[Finding]:
    """Judge whether the disk keeps up."""
    if facts.broker is None or not facts.broker.delayed_fsyncs:
        return []
    return [
        warning(
            check,
            f"{facts.broker.delayed_fsyncs:,} writes had to wait for the disk since the broker started",
            "meanwhile nothing is answered, so producers time out; a crash at that time may lose two seconds",
            "give the broker a faster disk, or one that it does not share",
        )
    ]


def memory(check: str, facts: Facts) -> list[Finding]:
    """Judge whether memory has a limit that the broker knows of."""
    if facts.broker is None or facts.broker.max_bytes is None or facts.broker.used_bytes is None:
        return []
    used = f"{facts.broker.used_bytes / 1e6:,.0f} MB in use"
    if facts.broker.max_bytes:
        return [ok(check, f"{used} of {facts.broker.max_bytes / 1e6:,.0f} MB")]
    return [
        warning(
            check,
            f"{used}, and no maxmemory",
            "when the machine's memory is used up, the broker is killed instead of refusing new events",
            "set maxmemory below what the machine has",
        )
    ]


def clock(check: str, facts: Facts) -> list[Finding]:
    """Judge this machine's clock by the broker's, which is the one that counts."""
    ahead = facts.broker.clock_ahead_s if facts.broker else None
    if ahead is None:
        return []
    what = f"the broker's is {abs(ahead):.1f} s {'ahead of' if ahead >= 0 else 'behind'} this machine's"
    if abs(ahead) < CLOCK_ODD_S:
        return [ok(check, what)]
    why = "times of attempts are this machine's, all others the broker's: they do not fit together"
    make = problem if abs(ahead) >= CLOCK_WRONG_S else warning
    return [make(check, what, why, "keep both clocks right with NTP")]


def latency(check: str, facts: Facts) -> list[Finding]:
    """Judge the way to the broker by what a producer's call may take."""
    if facts.broker is None or facts.broker.latency_s is None:
        return []
    median, worst = (seconds * 1000 for seconds in facts.broker.latency_s)
    what = f"a round trip takes {median:.1f} ms, {worst:.1f} ms at worst"
    if facts.broker.latency_s[0] * TRIPS <= facts.timeout_s:
        return [ok(check, what)]
    return [
        warning(
            check,
            what,
            f"a producer gives up after {facts.timeout_s * 1000:.0f} ms, which is not enough for a second try",
            "raise LEADRELAY_TIMEOUT_MS, or bring the broker nearer",
        )
    ]


def lease(check: str, facts: Facts) -> list[Finding]:
    """Judge the lease of a claim by what may delay its renewal."""
    if facts.broker is None or facts.broker.latency_s is None:
        return []
    worst = facts.broker.latency_s[1]
    if max(worst, facts.timeout_s) * TRIPS < LEASE_S:
        return [ok(check, f"{LEASE_S:.0f} s, renewed in time")]
    return [
        problem(
            check,
            f"{LEASE_S:.0f} s, while a call to the broker may take {max(worst, facts.timeout_s):.1f} s",
            "a worker may lose its lease while it delivers, and the event is sent twice",
            "keep LEADRELAY_TIMEOUT_MS and the way to the broker far below the lease",
        )
    ]
