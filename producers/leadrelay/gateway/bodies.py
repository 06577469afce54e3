"""Reading bodies, all of which together have a bound."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from leadrelay.gateway.limits import MOST_IN_MEMORY
from leadrelay.serving.asgi import Refused, read_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from leadrelay.serving.asgi import Receive


class Bodies:
    """The bodies in memory. One counts as far as it has come, so that one which comes slowly keeps no room from others.

    Args:
        most: Bytes of all of them.
    """

    def __init__(self, most: int = MOST_IN_MEMORY) -> None:
        """See the class."""
        self._most = most
        self._size = 0

    @asynccontextmanager
    async def read(self, receive: Receive, most: int) -> AsyncIterator[bytes]:
        """Give a body once it is whole; it counts until the block ends.

        Args:
            receive: Of the request.
            most: Its bytes.

        Raises:
            Refused: It is larger, or there is no room for more of it; the rest is not read.
            Gone: It did not come whole.
        """
        size = 0

        async def counted() -> dict[str, Any]:
            nonlocal size
            message = await receive()
            more = len(message.get("body", b""))
            if self._size + more > self._most:
                raise Refused(503, "too many bodies at a time (a limit of ours)")
            size, self._size = size + more, self._size + more
            return message

        try:
            yield await read_body(counted, most)
        finally:
            self._size -= size
