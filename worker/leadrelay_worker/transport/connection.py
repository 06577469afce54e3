"""Connections on which a broker that cannot serve now counts as one that is away.

A broker with a full disk answers every write with an error. kombu takes such an answer for a mistake of the caller and
lets it end the worker; an error of the connection it survives, and tries again.
"""

from __future__ import annotations

from typing import Any

import redis
from leadrelay.errors import BrokerUnavailable
from leadrelay.queue.scripts import translate


class _Patient:
    def read_response(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().read_response(*args, **kwargs)  # type: ignore[misc]
        except redis.ResponseError as error:
            if isinstance(translate(error), BrokerUnavailable):
                raise redis.ConnectionError(str(error)) from None
            raise


class Connection(_Patient, redis.Connection):
    """For ``redis://``."""


class SSLConnection(_Patient, redis.SSLConnection):
    """For ``rediss://``."""
