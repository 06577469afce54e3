"""The access list of ops/redis lets each role do its work and nothing else, over TLS, on a real server."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import redis

from tests.chaos.processes import Process, free_port, sandbox, until, worker

if TYPE_CHECKING:
    from collections.abc import Iterator

OPS = Path(__file__).parents[2] / "ops"
#: Debian's `redis-server` is a second name of this program; by its first name it is not on PATH, where the embedded
#: broker would take it.
SERVER = shutil.which("redis-check-rdb")
ROLES = ("producer", "celery-producer", "worker", "operator")
pytestmark = pytest.mark.skipif(
    not (SERVER and shutil.which("openssl")), reason="a server with TLS (redis-tools) or openssl is not on this machine"
)


class Secured:
    """A server that speaks TLS alone and knows the roles of the access list, each by its own name as password."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.certificate = folder / "server.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", folder / "server.key", "-out", self.certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        rules = (OPS / "redis" / "users.acl").read_text()
        for role in ROLES:
            placeholder = f"#{role.upper().replace('-', '_')}_SHA256"
            rules = rules.replace(placeholder, f"#{hashlib.sha256(role.encode()).hexdigest()}")
        (folder / "users.acl").write_text(rules)
        (folder / "redis-server").symlink_to(str(SERVER))
        self.process = Process(
            "broker",
            [str(folder / "redis-server"), "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1",
             "--tls-cert-file", str(self.certificate), "--tls-key-file", str(folder / "server.key"),
             "--tls-auth-clients", "no", "--aclfile", str(folder / "users.acl"), "--dir", str(folder),
             "--appendonly", "yes", "--maxmemory-policy", "noeviction"],
            folder,
        )  # fmt: skip
        until(self._answers, "the broker answers")

    def _answers(self) -> bool:
        try:
            return bool(self.client("operator").ping())
        except redis.ConnectionError:
            return False

    def url(self, role: str, *, trusted: bool = True) -> str:
        """Give the URL of a role."""
        trust = {"ssl_cert_reqs": "required", **({"ssl_ca_certs": str(self.certificate)} if trusted else {})}
        return f"rediss://leadrelay-{role}:{role}@localhost:{self.port}/0?{urlencode(trust)}"

    def client(self, role: str) -> redis.Redis:
        """Give a client of a role."""
        return redis.Redis.from_url(self.url(role), socket_timeout=5, socket_connect_timeout=5)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    server = Secured(tmp_path_factory.mktemp("secured"))
    yield server
    server.process.kill()


@pytest.fixture
def run(secured: Secured, tmp_path, monkeypatch):
    """Run a command as a role; gives its exit code and output."""
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d")
    monkeypatch.setenv("LEADRELAY_TIMEOUT_MS", "5000")
    monkeypatch.setenv("LEADRELAY_HOME", str(tmp_path / "home"))

    def running(role: str, *command: str) -> tuple[int, str]:
        monkeypatch.setenv("LEADRELAY_BROKER_URL", secured.url(role))
        done = subprocess.run(
            [sys.executable, "-m", "leadrelay", *command], capture_output=True, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout + done.stderr

    return running


def test_each_role_does_its_work_over_tls(secured, run, tmp_path, monkeypatch):
    endpoint, url = sandbox(tmp_path)
    code, eid = run("producer", "track", "invoice_paid", "userId=42")
    assert (code, len(eid.strip())) == (0, 32)
    monkeypatch.setenv("LEADRELAY_BROKER_URL", secured.url("worker"))
    delivering = worker(tmp_path, {"LEADRELAY_DESTINATION_URL": url}, "w", "--concurrency", "2")
    _celery_sends(secured, tmp_path)

    def delivered() -> bool:
        code, text = run("operator", "status", "--json")
        assert code == 0, text
        return json.loads(text)["ledger"]["delivered"] == 2

    until(delivered, "both events are delivered")
    assert [run("operator", *command)[0] for command in (["pause", "maintenance"], ["resume"], ["verify"])] == [0, 0, 0]
    assert delivering.stop() == 0
    assert "NoPermission" not in delivering.tail()
    endpoint.kill()


def _celery_sends(secured: Secured, folder: Path) -> None:
    """Send as an application with a plain Celery does, in a process of its own."""
    script = (
        "import ssl, sys; from celery import Celery\n"
        "app = Celery(broker=sys.argv[1])\n"
        "app.send_task('track_event', ['invoice_paid'], {'userId': '43'}, queue='leadrelay')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, secured.url("celery-producer")],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "command",
    [
        ["FLUSHALL"], ["FLUSHDB"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["GET", "another"], ["HGETALL", "another"],
        ["DEL", "another"], ["CLIENT", "KILL", "ID", "1"], ["CLIENT", "LIST"], ["ACL", "LIST"], ["SHUTDOWN"],
        ["REPLICAOF", "NO", "ONE"], ["SLOWLOG", "GET"], ["MONITOR"], ["SCRIPT", "FLUSH"],
        ["EVAL", "return redis.call('GET', 'another')", "0"], ["PUBLISH", "another", "x"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_no_role_reaches_beyond_the_queue(secured, role, command):
    with pytest.raises(redis.exceptions.ResponseError, match=r"no permissions|can't run this command"):
        secured.client(role).execute_command(*command)


def test_a_plain_celery_producer_cannot_read_what_it_sent(secured):
    client: Any = secured.client("celery-producer")
    for command in (["LRANGE", "leadrelay", "0", "-1"], ["RPOP", "leadrelay"], ["HGETALL", "{leadrelay}:flight"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)


def test_nobody_gets_in_without_a_name(secured):
    stranger = redis.Redis.from_url(secured.url("worker").replace("leadrelay-worker:worker@", ""), socket_timeout=5)
    with pytest.raises(redis.exceptions.AuthenticationError):
        stranger.ping()


def test_what_the_access_list_forbids_is_said_in_a_sentence(run):
    code, text = run("celery-producer", "status")
    assert (code, "Traceback" in text) == (3, False)
    assert "ops/redis/users.acl" in text


def test_a_certificate_that_nobody_vouches_for_is_refused(secured, run, monkeypatch):
    monkeypatch.setattr(secured, "url", lambda role: Secured.url(secured, role, trusted=False))
    code, text = run("producer", "status")
    assert (code, "Traceback" in text) == (3, False)
