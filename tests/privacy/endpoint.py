"""An endpoint that says back whatever it was told, in every part of an answer that it can."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.privacy.plants import address


class Echo(BaseHTTPRequestHandler):
    """Answers by the title of the event."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def _answer(self, form: str) -> None:
        wire = {name: values[0] for name, values in parse_qs(form).items()}
        title, headers, body = (
            wire.get("ti", ""),
            {"Set-Cookie": f"u={address('cookie')}"},
            json.dumps(wire.get("eid", "")),
        )
        status = 200
        if title == "echo":
            status, body = 400, f"bad request: {form} {wire}"
        elif title == "redirect":
            status, headers = 302, {"Location": f"/?{form}"}
        elif title == "throttle":
            status, headers = 429, {"Retry-After": address("retry")}
        elif title == "page":
            body = f"<html>{form}</html>"
        self.send_response_only(status, f"{status} {address('phrase')}")
        for name, value in {**headers, "Content-Length": str(len(body.encode()))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def serve() -> tuple[ThreadingHTTPServer, str]:
    """Serve from a thread; gives the server and its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"
