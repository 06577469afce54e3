"""One harmless request to the destination: no parameter at all, so that no dataset can take it for an event."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from urllib.parse import urlsplit

from leadrelay.doctor.facts import DestinationFacts
from leadrelay.trackapi.answers import parse_answer

#: Seconds for each step.
TIMEOUT_S = 3.0
#: Bytes of the answer that are read.
_MOST_BODY = 4096


def probe(url: str) -> DestinationFacts:
    """Resolve, connect and ask; what goes wrong is a fact, not an error."""
    parts = urlsplit(url)
    host, tls = parts.hostname or "", parts.scheme == "https"
    local = _is_local(host)
    make = http.client.HTTPSConnection if tls else http.client.HTTPConnection
    connection = make(host, parts.port, timeout=TIMEOUT_S)
    try:
        failure, detail = _connect(connection)
        if failure:
            return DestinationFacts(host, tls, local, failure, detail)
        connection.request("GET", parts.path or "/", headers={"User-Agent": "leadrelay-doctor"})
        answer = connection.getresponse()
        with_id = parse_answer(answer.read(_MOST_BODY)) is not None
    except TimeoutError:
        return DestinationFacts(host, tls, local, "timeout")
    except (OSError, http.client.HTTPException) as error:
        return DestinationFacts(host, tls, local, "cut", type(error).__name__)
    finally:
        connection.close()
    return DestinationFacts(host, tls, local, status=answer.status, with_id=with_id)


def _connect(connection: http.client.HTTPConnection) -> tuple[str, str]:
    """Connect; gives the failure and its detail, both empty when it worked."""
    try:
        connection.connect()
    except socket.gaierror as error:
        return "dns", str(error.strerror)
    except ssl.SSLError as error:
        return "tls", getattr(error, "verify_message", "") or str(error.reason)
    except TimeoutError:
        return "timeout", f"no connection within {TIMEOUT_S:.0f} s"
    except OSError as error:
        return "connect", str(error.strerror)
    return "", ""


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
