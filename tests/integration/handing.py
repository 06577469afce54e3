"""What tests of handing events over share."""

from __future__ import annotations

import json

from leadrelay.spool.folder import Folder
from leadrelay.spool.summary import summary

#: A broker that is away.
AWAY = "redis://127.0.0.1:1/0"


def spool(client):
    return summary(Folder(client.settings.home, client.settings.label()))


def serials(queue):
    claim = queue.claim("w", "r", 1000, 10**7, 0)
    return [json.loads(claimed.message.payload).get("serial") for claimed in claim.messages]
