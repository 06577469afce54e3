"""What one sandbox holds: its store, and what is set for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leadrelay_sandbox.commits import Commits
from leadrelay_sandbox.faults import Faults
from leadrelay_sandbox.switches import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay_sandbox.store import Store


@dataclass
class State:
    """The parts that requests and controls share.

    Args:
        store: What was received.
        choices: Every switch's value.
        datasets: Registered ones; while there are none, every dataset counts as registered.
        faults: The rules in force.
    """

    store: Store
    choices: Mapping[str, str] = field(default_factory=lambda: DEFAULTS)
    datasets: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        """Make the store's commits."""
        self.commits = Commits(self.store)

    def registered(self, si: str) -> bool:
        """Tell whether a dataset is registered."""
        return not self.datasets or si in self.datasets
