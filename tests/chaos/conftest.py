"""What every short form asks of a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.processes import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.oracle import Verdict


@pytest.fixture
def play(tmp_path) -> Callable[..., Verdict]:
    """Play a scenario: nothing lost that `verify` does not own up to, no more duplicates than are explained."""

    def act(scenario: Callable[..., Verdict], *args: object, order: bool = True, **options: object) -> Verdict:
        try:
            verdict = scenario(tmp_path, *args, **options)
        except Unavailable as error:
            pytest.skip(str(error))
        assert verdict.failures() == []
        assert not order or verdict.out_of_order == 0
        return verdict

    return act
