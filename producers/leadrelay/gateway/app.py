"""The gateway as a plain ASGI application: what each path does, and what is answered when it cannot."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from leadrelay.errors import NotAccepted
from leadrelay.gateway import upload
from leadrelay.gateway.bodies import Bodies
from leadrelay.gateway.limits import MOST_CONNECTIONS
from leadrelay.gateway.tracking import Tracking
from leadrelay.gateway.uploading import Uploading
from leadrelay.gateway.watching import Watching
from leadrelay.serving.asgi import Gone, Refused, Reply, answer, cut

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from leadrelay.gateway.counts import Counts
    from leadrelay.gateway.intake import Intake
    from leadrelay.gateway.rules import Rules
    from leadrelay.metrics.exporter import Exporter
    from leadrelay.serving.asgi import Headers, Receive, Scope, Send

logger = logging.getLogger(__name__)

#: Seconds after which a client may try again what could not be taken.
_RETRY_AFTER = (b"retry-after", b"5")
#: Pages may read why; and what was not read of a request must not be waited for, nor taken for the next one.
_REFUSAL: Headers = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"leadrelay-reason, retry-after"),
    (b"connection", b"close"),
)
_UNAVAILABLE = 503


class Gateway:
    """The application.

    Args:
        rules: Who may send what.
        intake: The way to the queue.
        counts: What it did.
        exporter: Renders that, and the queue.
        ready: Tells whether events can be taken now.
        most_connections: At a time; one more is cut.
    """

    def __init__(
        self,
        rules: Rules,
        intake: Intake,
        counts: Counts,
        exporter: Exporter,
        ready: Callable[[], Awaitable[bool]],
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        """See the class."""
        self.counts = counts
        self.most_connections = most_connections
        bodies = Bodies()
        tracking, uploading = Tracking(rules, intake, bodies), Uploading(rules, intake, bodies, counts)
        watching = Watching(rules, exporter, ready)
        self._paths = {
            "/": tracking.track,
            "/log": tracking.mail_pixel,
            upload.PATH: uploading.upload,
            "/healthz": watching.health,
            "/readyz": watching.readiness,
            "/metrics": watching.metrics,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; what cannot be answered safely is cut."""
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive)
            self.counts.requests[str(reply.status)] += 1
            await answer(send, reply)
        except Gone:
            self.counts.requests["gone"] += 1
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the server's own 500 has a body, which some clients take for success
            self.counts.requests["cut"] += 1
            logger.error("a request failed (%s); its connection was cut", type(error).__name__)  # noqa: TRY400 - a trace may hold values
            await cut(scope, receive)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        try:
            return await self._paths.get(scope["path"], _nothing)(scope, receive)
        except Refused as refused:
            return _refusal(refused.status, refused.reason)
        except NotAccepted as error:
            return _refusal(_UNAVAILABLE, str(error))


async def _nothing(scope: Scope, receive: Receive) -> Reply:  # noqa: ARG001 - as every path
    raise Refused(404, f"the Track API is at / (and /log, {upload.PATH})")


def _refusal(status: int, reason: str) -> Reply:
    """Answer without a body; why stands in a header."""
    shown = "".join(character for character in reason if character.isprintable()).encode("ascii", "replace")
    again = (_RETRY_AFTER,) if status == _UNAVAILABLE else ()
    return Reply(status, b"", headers=((b"leadrelay-reason", shown), *_REFUSAL, *again))
