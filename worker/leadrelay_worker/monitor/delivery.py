"""The delivery page: do events flow, what waits, for how long there is room; pause, resume and rate."""

from __future__ import annotations

from typing import Any

from leadrelay.queue import Valve
from leadrelay.queue.valve import ALL
from leadrelay.times import read_span
from tornado.web import HTTPError

from leadrelay_worker.monitor.answers import Answer
from leadrelay_worker.monitor.figures import history, state
from leadrelay_worker.monitor.reading import rate_of, reason_of


class State(Answer):
    """What the page shows, as it is now; asked each second."""

    async def get(self) -> None:
        """Answer."""
        await self.answer(state, self.queue, self.client.settings.dataset_id)

    @property
    def client(self) -> Any:
        """The client with this process's settings."""
        return self.application.client


class History(Answer):
    """Lines of the last hour and the last day, and latencies; asked now and then."""

    async def get(self) -> None:
        """Answer."""
        await self.answer(history, self.queue, self.application.history)


class Pause(Answer):
    """Stop sending."""

    acts = True

    async def post(self) -> None:
        """Pause: ``reason``, and ``for`` as a length such as ``30m``, or none."""
        given = self.body()
        try:
            for_s = read_span(str(given["for"])) if given.get("for") else None
        except ValueError as error:
            raise HTTPError(422, f"for: {error}") from None
        await self.answer(self._act, reason_of(given), for_s)

    def _act(self, reason: str, for_s: float | None) -> dict[str, Any]:
        Valve(self.queue).pause(self.operator, reason, for_s)
        return {}


class Resume(Answer):
    """End a pause, and try at once whatever a breaker holds back; ``force`` closes breakers without a try."""

    acts = True

    async def post(self) -> None:
        """Resume."""
        given = self.body()
        await self.answer(self._act, bool(given.get("force")))

    def _act(self, force: bool) -> dict[str, Any]:  # noqa: FBT001 - called through a thread pool, by position
        valve = Valve(self.queue)
        valve.resume(self.operator)
        if force:
            valve.force(self.operator, ALL)
        return {}


class Rate(Answer):
    """Set the ceiling of all workers."""

    acts = True

    async def post(self) -> None:
        """Set ``per_s``; none lifts it."""
        per_s = rate_of(self.body().get("per_s"))
        await self.answer(self._act, per_s)

    def _act(self, per_s: float | None) -> dict[str, Any]:
        Valve(self.queue).set_rate(self.operator, per_s)
        return {}
