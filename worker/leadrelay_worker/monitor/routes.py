"""Every address of ours. What is under a page's address is asked by its script."""

from __future__ import annotations

from pathlib import Path

from tornado.web import url

from leadrelay_worker.monitor import delivery, events, ledger, letters, mending, running
from leadrelay_worker.monitor.answers import Files, Page

_FILES = {"path": str(Path(__file__).parent / "static")}

ROUTES = [
    url(r"/delivery", Page, {"template": "delivery.html"}, "delivery"),
    url(r"/delivery/state", delivery.State),
    url(r"/delivery/history", delivery.History),
    url(r"/delivery/pause", delivery.Pause),
    url(r"/delivery/resume", delivery.Resume),
    url(r"/delivery/rate", delivery.Rate),
    url(r"/dead-letters", Page, {"template": "dead-letters.html"}, "dead-letters"),
    url(r"/dead-letters/list", letters.Listing),
    url(r"/dead-letters/counts", letters.Counts),
    url(r"/dead-letters/replays", mending.Replays),
    url(r"/dead-letters/replay", mending.Replay),
    url(r"/dead-letters/drop", mending.Drop),
    url(r"/dead-letters/(\d{1,18})", Page, {"template": "dead-letter.html"}, "dead-letter"),
    url(r"/dead-letters/(\d{1,18})/content", letters.Content),
    url(r"/dead-letters/(\d{1,18})/edit", mending.Edit),
    url(r"/dead-letters/(\d{1,18})/replay", mending.ReplayOne),
    url(r"/dead-letters/(\d{1,18})/drop", mending.DropOne),
    url(r"/event", Page, {"template": "event.html"}, "event"),
    url(r"/event/([^/]{1,500})", Page, {"template": "event.html"}, "one-event"),
    url(r"/event/([^/]{1,500})/trace", events.Trace),
    url(r"/users/events", events.OfUser),
    url(r"/ledger", Page, {"template": "ledger.html"}, "ledger"),
    url(r"/ledger/state", ledger.State),
    url(r"/ledger/audit", ledger.Audit),
    url(r"/ledger/verify", ledger.Verify),
    url(r"/jobs/([0-9a-f]{16})", running.One),
    url(r"/jobs/([0-9a-f]{16})/cancel", running.Cancel),
    url(r"/leadrelay/([\w.-]+)", Files, _FILES, "leadrelay-file"),
]
