"""Checks of what lies outside the broker: the dataset id, the destination, a producer's folders."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from leadrelay.doctor.finding import Finding, ok, problem, warning

if TYPE_CHECKING:
    from leadrelay.doctor.facts import DestinationFacts, Facts, FolderFacts

#: How a dataset id looks today (facts.md, Parameters); older ones are names of hosts or applications.
DATASET_ID = re.compile(r"[0-9a-f]{32}")
#: Answers that say that the address is wrong or guarded, whatever is asked.
WRONG_PLACE = frozenset({401, 403, 404, 407, 410})
#: Bytes below which a folder is as good as full, and below which that is near.
FULL, NEARLY_FULL = 100_000_000, 1_000_000_000
#: File systems that go with the container or the machine's memory.
FLEETING = frozenset({"overlay", "tmpfs", "ramfs"})

_FAILURES = {
    "dns": ("its name cannot be resolved", "see LEADRELAY_DESTINATION_URL and this machine's DNS"),
    "connect": ("it takes no connection", "see that a firewall lets this machine out to it"),
    "tls": ("its certificate is not accepted", "see the machine's clock and CA certificates, and who answers there"),
    "timeout": ("it does not answer in time", "see the way to it; events would be tried again and again"),
    "cut": ("it cuts the connection", "see what stands between here and there"),
}


def dataset(check: str, facts: Facts) -> list[Finding]:
    """Judge the dataset id."""
    if not facts.dataset_id:
        return [
            warning(
                check,
                "LEADRELAY_DATASET_ID is not set",
                "an event that names no si itself is invalid",
                "set it to the dataset id of your LeadBoxer account",
            )
        ]
    if DATASET_ID.fullmatch(facts.dataset_id):
        return [ok(check, "set")]
    return [
        warning(
            check,
            "set, but not 32 hexadecimal digits as dataset ids are today",
            "events under a wrong id are accepted and never seen again",
            "compare it with the one in your LeadBoxer account; ids of old accounts are names",
        )
    ]


def destination(check: str, facts: Facts) -> list[Finding]:
    """Judge the destination by one harmless request."""
    seen = facts.destination
    if seen is None:
        return []
    found = [_plain(check, seen)] if not seen.tls and not seen.local else []
    if seen.failure:
        what, do = _FAILURES[seen.failure]
        detail = f" ({seen.detail})" if seen.detail else ""
        return [*found, problem(check, f"{seen.host}: {what}{detail}", "no event can be delivered", do)]
    return [*found, _answered(check, seen)]


def _plain(check: str, seen: DestinationFacts) -> Finding:
    return warning(
        check,
        f"{seen.host}: without TLS",
        "personal data can be read on the way",
        "use an https address in LEADRELAY_DESTINATION_URL",
    )


def _answered(check: str, seen: DestinationFacts) -> Finding:
    status = seen.status or 0
    what = f"{seen.host}: answers {status} to a request without a dataset id"
    if status >= 500:  # noqa: PLR2004 - HTTP's own classes
        return warning(check, what, "it may be down; events are tried again", "look again in a while")
    if 300 <= status < 400 or status in WRONG_PLACE:  # noqa: PLR2004
        return warning(
            check,
            what,
            "a Track API takes requests without login or redirection",
            "see LEADRELAY_DESTINATION_URL, and what stands in front of it",
        )
    if status < 300 and not seen.with_id:  # noqa: PLR2004
        return warning(
            check,
            f"{what}, without an event id",
            "so does a login or parking page; then no event is ever taken for delivered",
            "send one: leadrelay doctor --send",
        )
    return ok(check, what)


def folders(check: str, facts: Facts) -> list[Finding]:
    """Judge the folders of a producer."""
    return [finding for folder in facts.folders for finding in _folder(check, folder)]


def _folder(check: str, folder: FolderFacts) -> list[Finding]:
    if not folder.writable:
        return [
            problem(
                check,
                f"{folder.path} cannot be written",
                "what must outlive this process is lost with it: the witness, journals, the embedded broker",
                "make it writable for this user, or set LEADRELAY_HOME to a folder that is",
            )
        ]
    found = [*_private(check, folder), *_space(check, folder), *_fleeting(check, folder)]
    where = folder.path if folder.exists else f"{folder.path}, which will be made"
    return found or [ok(check, f"{where}: writable, private, {folder.free_bytes / 1e9:,.0f} GB free")]


def _private(check: str, folder: FolderFacts) -> list[Finding]:
    if folder.private:
        return []
    what = f"{folder.path} can be read by other users"
    return [warning(check, what, "it may hold events, which are personal data", f"chmod 700 {folder.path}")]


def _space(check: str, folder: FolderFacts) -> list[Finding]:
    if folder.free_bytes >= NEARLY_FULL:
        return []
    make = problem if folder.free_bytes < FULL else warning
    what = f"{folder.path}: {folder.free_bytes / 1e6:,.0f} MB free"
    return [make(check, what, "when it is full nothing more can be kept there", "make room, or move LEADRELAY_HOME")]


def _fleeting(check: str, folder: FolderFacts) -> list[Finding]:
    if folder.filesystem not in FLEETING:
        return []
    what = f"{folder.path} is on {folder.filesystem}"
    why = "what is kept there goes with this container or a restart of the machine"
    return [warning(check, what, why, "set LEADRELAY_HOME to a volume that stays")]
