"""Reading the canary back through LeadBoxer's own lead API, for whoever has a key of it.

What is documented (help.leadboxer.com, "How to get (raw) lead data"): ``GET /v1/leads/{leadId}`` with the dataset id as
`site`, the address of a LeadBoxer login as `email` and the header `x-api-key` gives all fields of one lead as JSON, a
few seconds after its first event. A lead's id is the `uid`, and an event that names nobody gives its own eid as `uid`
(page, table of parameters). What it answers for a lead that it does not know is not documented.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

if TYPE_CHECKING:
    from leadrelay.settings import Settings

#: Seconds for the call.
TIMEOUT_S = 5.0
#: Bytes of the answer that are read.
_MOST_BODY = 1_000_000


def can_read(settings: Settings) -> bool:
    """Tell whether the key and the login of the lead API are set."""
    return bool(settings.api_key and settings.api_email and settings.dataset_id)


def read_back(settings: Settings, eid: str) -> tuple[bool, str]:
    """Ask for the lead that an event of nobody became.

    Args:
        settings: With what `can_read` asks for.
        eid: Of the event.

    Returns:
        Whether the answer is a lead, and what it was in words.
    """
    parts = urlsplit(settings.api_url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    query = urlencode({"site": settings.dataset_id, "email": settings.api_email})
    try:
        connection.request("GET", f"/v1/leads/{quote(eid)}?{query}", headers={"x-api-key": str(settings.api_key)})
        answer = connection.getresponse()
        body = answer.read(_MOST_BODY)
    except (OSError, http.client.HTTPException) as error:
        return False, f"the lead API cannot be asked ({type(error).__name__})"
    finally:
        connection.close()
    return (answer.status == http.client.OK and _is_lead(body)), f"the lead API answers {answer.status}"


def _is_lead(body: bytes) -> bool:
    try:
        lead = json.loads(body)
    except ValueError:
        return False
    return isinstance(lead, dict) and bool(lead)
