"""What is planted: texts that look like people, one for each way in, and where they are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: In every planted text, whichever way it is written, and in no other.
MARK = "xplant"
#: Addresses are planted from this network (RFC 5737), which nothing else here uses.
NETWORK = "198.51.100."
FOUND = (MARK.encode(), NETWORK.encode())


def address(what: str) -> str:
    """Give an e-mail address of somebody."""
    return f"{MARK}.{what}@planted.example"


def call(what: str) -> dict[str, object]:
    """Give wire parameters with somebody in every value, and in a name."""
    return {
        "userId": f"{MARK}-{what}", "email": address(what), "ip": f"{NETWORK}7", "uid": f"{what}{MARK}.1700000000000",
        "sid": f"{MARK}-sid-{what}", "firstName": f"{MARK.title()} {what}", "url": f"https://shop.example/?u={address(what)}",
        f"note of {address('name')}": f"called {MARK} back",
    }  # fmt: skip


def leaks(data: bytes) -> list[str]:
    """Give the lines of some output that hold a planted text."""
    return [
        line.decode("utf-8", "replace")[:300] for line in data.splitlines() if any(p in line.lower() for p in FOUND)
    ]


def files(folder: Path, allowed: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Yield every file below a folder, except where personal data may be (patterns of paths in it)."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(path.relative_to(folder).match(pattern) for pattern in allowed):
            yield str(path.relative_to(folder)), path.read_bytes()


def processes(pids: list[int]) -> Iterator[tuple[str, bytes]]:
    """Yield how each of these processes is listed: title, name, and those of its threads."""
    for pid in pids:
        for path in (Path(f"/proc/{pid}/cmdline"), *Path(f"/proc/{pid}").glob("task/*/comm")):
            try:
                yield str(path), path.read_bytes()
            except OSError:
                continue
