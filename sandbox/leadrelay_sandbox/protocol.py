"""The sandbox's HTTP protocol: what came that is no request is kept as bad."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from leadrelay.serving.protocol import BoundedProtocol

if TYPE_CHECKING:
    from leadrelay_sandbox.server import Sandbox


class SandboxProtocol(BoundedProtocol):
    """See the module."""

    def not_http(self, status: int, reason: str) -> None:
        """Keep it."""
        task = asyncio.ensure_future(cast("Sandbox", self.app).not_http(status, reason))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
