"""What supervisors, load balancers and Prometheus ask."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from leadrelay.gateway.reading import GET, check_head
from leadrelay.gateway.rules import SECRET_HEADER
from leadrelay.proxies import came_through_proxy, is_loopback
from leadrelay.serving.asgi import Refused, Reply, header_of
from leadrelay.trackapi.forms import parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from leadrelay.gateway.rules import Rules
    from leadrelay.metrics.exporter import Exporter
    from leadrelay.serving.asgi import Receive, Scope


class Watching:
    """Tells how the gateway is.

    Args:
        rules: Who may ask.
        exporter: Renders what it did, and the queue.
        ready: Tells whether events can be taken now.
    """

    def __init__(self, rules: Rules, exporter: Exporter, ready: Callable[[], Awaitable[bool]]) -> None:
        """See the class."""
        self._rules = rules
        self._exporter = exporter
        self._ready = ready
        self._scrapes = ThreadPoolExecutor(1, thread_name_prefix="scrape")  # its own: the broker may keep it waiting

    async def health(self, scope: Scope, _: Receive) -> Reply:
        """Answer, which is all that is asked."""
        check_head(scope["method"], GET, 0)
        return Reply(200, b"ok")

    async def readiness(self, scope: Scope, _: Receive) -> Reply:
        """Tell whether events can be taken now; whether LeadBoxer can take them does not matter."""
        check_head(scope["method"], GET, 0)
        if not await self._ready():
            raise Refused(503, "events cannot be taken now")
        return Reply(200, b"ready")

    async def metrics(self, scope: Scope, _: Receive) -> Reply:
        """Give the metrics: to who has the secret, and without one to this machine."""
        check_head(scope["method"], GET, 0)
        headers = scope["headers"]
        if self._rules.secret:
            self._rules.check_secret(header_of(headers, SECRET_HEADER), parameters(scope["query_string"]))
        elif not is_loopback((scope["client"] or ("",))[0]) or came_through_proxy(name.decode() for name, _ in headers):
            raise Refused(403, "without a secret, metrics are for this machine, and not through a proxy")
        accept = header_of(headers, b"accept").decode("latin-1")
        loop = asyncio.get_running_loop()
        body, content_type = await loop.run_in_executor(self._scrapes, self._exporter.render, accept)
        return Reply(200, body, content_type.encode())
