"""People are planted in every way in; afterwards nothing that the run leaves behind may hold one of them.

Allowed are payloads: in the broker, the spool, the rejected-lines file, the content of a dead letter.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from leadrelay.queue import DeadLetters
from leadrelay.queue.audit import read_audit
from leadrelay.queue.letter import DeadLetter

from tests.chaos.processes import Broker, Process, free_port, gateway, until
from tests.chaos.run import DATASET, Run
from tests.monitors import Monitor
from tests.privacy.endpoint import serve
from tests.privacy.plants import FOUND, MARK, NETWORK, address, call, files, leaks, processes

ROOT = Path(__file__).parents[2]
#: Files of a run that hold payloads, and what the test itself puts there.
ALLOWED = ("broker/appendonlydir/*", "home/spool/*/segments/*", "rejected.csv", "leads.csv", "away/spool/*/segments/*")
#: Keys of the broker that hold payloads, by the ends of their names.
PAYLOADS = ("ready", "returning", "bulk", "suspects", "flight", "scheduled", "held", "dead", "leadrelay")
PASSWORD = f"{MARK}-password"
SECRET = f"{MARK}-gateway-secret"


class Planted:
    """A run with everything in it, and what its commands and pages said."""

    def __init__(self, folder: Path) -> None:
        slow = [line.split() for line in (ROOT / "ops/redis/redis.conf").read_text().splitlines() if "slowlog" in line]
        self.said: dict[str, bytes] = {}
        self.folder = folder
        self.run = Run(
            folder,
            broker=Broker(folder, *(f"--{name}" if i == 0 else name for line in slow for i, name in enumerate(line))),
        )
        self.run.broker.client.execute_command("ACL", "SETUSER", "relay", "on", f">{PASSWORD}", "~*", "&*", "+@all")
        self.server, url = serve()
        (folder / "tmp").mkdir()
        self.run.env |= {
            "LEADRELAY_BROKER_URL": f"redis://relay:{PASSWORD}@127.0.0.1:{self.run.broker.port}/0",
            "LEADRELAY_DESTINATION_URL": url, "LEADRELAY_TIMEOUT_MS": "5000", "LEADRELAY_LANE_SECRET": f"{MARK}-lanes",
            "LEADRELAY_GATEWAY_SECRET": SECRET, "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(ROOT),
            "LEADRELAY_ALLOWED_DATASETS": f"{DATASET},other", "COLUMNS": "200",
        }  # fmt: skip
        self.http = f"127.0.0.1:{free_port()}"
        self.run.start_worker("threads", LEADRELAY_HTTP=self.http)
        self.run.start_worker("prefork", LEADRELAY_METHOD="GET", LEADRELAY_CONCURRENCY="2")
        self.gateway, self.gateway_url = gateway(folder, self.run.env)
        self.monitor = Monitor(folder, self.run.env)
        port = free_port()
        self.exporter = Process(
            "exporter", [sys.executable, "-m", "leadrelay", "exporter", "--port", str(port)], folder, self.run.env
        )
        self.exporter_url = f"http://127.0.0.1:{port}/metrics"

    def application(self, name: str, **env: str) -> None:
        """Run the application, with its log in a file."""
        process = Process(
            name, [sys.executable, "-m", "tests.privacy.application"], self.folder, {**self.run.env, **env}
        )
        assert process.child.wait(120) == 0, process.tail()

    def cli(self, *args: str, stdin: bytes = b"", shown: bool = True) -> bytes:
        """Run a command, and keep what it says unless it may show an event."""
        done = subprocess.run(
            [sys.executable, "-m", "leadrelay", *args], env={**os.environ, **self.run.env},
            input=stdin, capture_output=True, check=False, cwd=self.folder, timeout=120,
        )  # fmt: skip
        self.said[f"leadrelay {args[0]} #{len(self.said)}"] = (done.stdout if shown else b"") + done.stderr
        return done.stdout

    def look(self, name: str, reply: requests.Response) -> requests.Response:
        """Keep what was answered."""
        self.said[f"{name} {reply.status_code}"] = reply.content
        return reply

    def close(self) -> None:
        self.monitor.stop()
        for process in (self.gateway, self.exporter):
            process.kill()
        self.server.shutdown()
        self.run.__exit__()


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    made = Planted(tmp_path_factory.mktemp("planted"))
    try:
        _send(made)
        _settle(made)
        _import(made)
        _look(made)
        yield made
    finally:
        made.close()


def _send(made: Planted) -> None:
    made.application("application", PLAIN="1", LEADRELAY_STRICT="0")
    made.application("strict", LEADRELAY_STRICT="1")
    made.application("logged", LEADRELAY_MODE="log")
    away = {"LEADRELAY_BROKER_URL": f"redis://{MARK}:{MARK}@127.0.0.1:{free_port()}/0", "LEADRELAY_TIMEOUT_MS": "50"}
    made.application("away", LEADRELAY_HOME=str(made.folder / "away"), **away)
    root, ours = made.gateway_url, {"si": DATASET, "leadrelay_secret": SECRET, **call("gateway")}
    for ask in (
        lambda: requests.get(root, {**ours, "ti": "got"}, timeout=30),
        lambda: requests.post(root, {**ours, "ti": "posted"}, timeout=30),
        lambda: requests.get(root, {**ours, "ti": "jsonp", "callback": f"{MARK}_cb"}, timeout=30),
        lambda: requests.get(f"{root}/log", {**ours, "datasetId": DATASET, "campaign": address("mail")}, timeout=30),
        lambda: requests.get(root, {**ours, "leadrelay_secret": address("wrong")}, timeout=30),
        lambda: requests.get(root, {**ours, "si": address("dataset")}, timeout=30),
        lambda: requests.get(f"{root}/{address('path')}", timeout=30),
        lambda: requests.post(root, data=address("body") * 100_000, timeout=30),
        lambda: requests.request(f"X{MARK}".upper(), root, timeout=30),
        lambda: requests.post(f"{root}/events", json=[{"ti": "x", "email": [address("upload")]}], timeout=30),
        lambda: requests.get(root, {"si": DATASET}, headers={"User-Agent": address("agent")}, timeout=30),
    ):
        ask()


def _settle(made: Planted) -> None:
    """Wait until all were tried, mend a letter, send it again, lose a child, revoke one."""

    def quiet() -> bool:
        made.run.expire_leases()
        books = made.run.books()
        return not (books.inbox or books.ready or books.in_flight) and books.dead > 0

    def rejected() -> DeadLetter | None:
        return next((letter for letter in DeadLetters(made.run.queue).select() if letter.reason == "rejected"), None)

    until(quiet, "everything was tried", 120)
    letter = until(rejected, "a letter can be mended")
    seq = str(letter.message.seq)
    made.cli("dead", "edit", seq, f"email={address('edited')}", f"wrong{address('x')}=1", shown=True)
    made.cli("dead", "edit", seq, f"email={address('edited')}", f"si={DATASET}", "ti=mended")
    made.cli("dead", "replay", "--user", address("edited"), "--allow-stale")
    made.cli("dead", "replay", seq, "--allow-stale")  # should it be known by another id
    made.monitor.post(f"dead-letters/{seq}/edit", {"event": {"email": address("monitor")}, "revision": 0})
    made.look("edit", made.monitor.post("dead-letters/1/edit", {"event": [address("bad")], "revision": address("bad")}))
    made.cli("dead", "drop", "--user", address("list"), "--because", "planted")
    made.cli("forget", "--from", "-", "--json", stdin=f"email={address('echo')}\n".encode())
    for child in made.run.workers[1].children()[:1]:
        os.kill(child, 9)
    made.run.kill_worker(made.run.workers[0])
    made.run.start_worker("threads", LEADRELAY_HTTP=made.http)
    made.application("again", LEADRELAY_STRICT="0")
    until(quiet, "everything was tried again", 120)


def _import(made: Planted) -> None:
    rows = f"{address('row')},{MARK}\n{address('short')}\n{address('bytes')},\xff{MARK}\n"
    (made.folder / "leads.csv").write_bytes(b"E-mail,Plan\n" + rows.encode("latin-1"))
    options = ("--map", "E-mail=email", "--title", "crm", "--rejects", "rejected.csv")
    made.cli("import", "leads.csv", *options)
    made.cli("import", "leads.csv", *options, "--json")


def _look(made: Planted) -> None:
    eid = DeadLetters(made.run.queue).select().__next__().message.eid
    for command in (
        ["status"], ["status", "--json"], ["top", "--once"], ["doctor"], ["doctor", "--json"], ["trace", eid, "--json"],
        ["report", "--json"], ["report"], ["audit", "--json"], ["verify", "--json"], ["dead", "list", "--json"],
        ["dead", "list"], ["dead", "list", "--counts"], ["trace", "0" * 32, "--json"],
    ):  # fmt: skip
        made.cli(*command)
    until(lambda: _answers(made.exporter_url), "the exporter answers")
    made.look("exporter", requests.get(made.exporter_url, timeout=60))
    for path in ("metrics", "healthz", "readyz", MARK):
        made.look(f"worker {path}", requests.get(f"http://{made.http}/{path}", timeout=60)) if path != MARK else None
    for path in ("metrics", "healthz", "readyz"):
        made.look(f"gateway {path}", requests.get(f"{made.gateway_url}/{path}", timeout=60))
    tasks = made.monitor.get("api/tasks?limit=1000")
    if tasks.ok:
        made.look("api/tasks", tasks)
    for path in (
        "workers", "tasks", "broker", "metrics", "delivery", "delivery/state", "delivery/history", "dead-letters",
        "dead-letters/replays", "dead-letters/1", f"event/{eid}", "ledger", "ledger/state", "ledger/audit",
        f"task/{eid}",
        "api/workers?refresh=1", "api/task/types", "api/queues/length",
        "tasks/datatable?draw=1&start=0&length=500&search[value]=&order[0][column]=0&order[0][dir]=asc&columns[0][data]=name",
    ):  # fmt: skip
        made.look(path, made.monitor.get(path))
    for path in ("dead-letters/list", "dead-letters/counts"):
        made.look(path, made.monitor.post(path))
    for what in ("active", "reserved", "revoked", "stats", "conf"):
        done = subprocess.run(
            [sys.executable, "-m", "celery", "-A", "leadrelay_worker.celery", "inspect", what, "--json"],
            env={**os.environ, **made.run.env}, capture_output=True, check=False, cwd=made.folder, timeout=120,
        )  # fmt: skip
        made.said[f"inspect {what}"] = done.stdout + done.stderr


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).ok
    except requests.ConnectionError:
        return False


@pytest.mark.slow
def test_people_came_all_the_way(planted):
    """Else there would be nothing to find."""
    books = planted.run.books()
    assert books.delivered >= 20
    assert books.dead >= 10
    assert {"edit", "replay", "drop", "forget"} <= {act.act for act in read_audit(planted.run.queue)}
    stored = b"".join(path.read_bytes() for path in (planted.folder / "broker" / "appendonlydir").iterdir())
    assert all(part in stored for part in FOUND)
    assert MARK in (planted.folder / "rejected.csv").read_text("latin-1")


@pytest.mark.slow
def test_no_command_and_no_page_shows_them(planted):
    found = {name: leaks(text) for name, text in planted.said.items()}
    assert not {name: lines[:3] for name, lines in found.items() if lines}


@pytest.mark.slow
def test_no_log_and_no_other_file_holds_them(planted):
    found = {name: leaks(data) for name, data in files(planted.folder, ALLOWED)}
    assert not {name: lines[:3] for name, lines in found.items() if lines}
    names = [str(path) for path in planted.folder.rglob("*")]
    assert not [name for name in names if MARK in name.lower()]


@pytest.mark.slow
def test_no_key_and_no_value_but_payloads_holds_them(planted):
    client = planted.run.broker.client
    found = {}
    for key in client.keys("*"):
        name = key.decode("latin-1")
        assert MARK not in name
        if not name.endswith(PAYLOADS):
            found[name] = leaks(client.dump(key).replace(b"\xff", b"\n"))
    for command in ("SLOWLOG GET 1000", "CLIENT LIST", "INFO everything", "LATENCY LATEST"):
        found[command] = leaks(repr(client.execute_command(*command.split())).encode())
    assert not {name: lines[:3] for name, lines in found.items() if lines}


@pytest.mark.slow
def test_no_list_of_processes_shows_them(planted):
    roots = [
        *planted.run.workers,
        planted.gateway,
        planted.exporter,
        planted.monitor.process,
        planted.run.broker.process,
    ]
    pids = [pid for process in roots for pid in (process.pid, *process.children())]
    found = {name: leaks(data) for name, data in processes(pids)}
    assert len(found) > len(roots)
    assert not {name: lines for name, lines in found.items() if lines}


def test_what_is_planted_is_found():
    for text in (json.dumps(call("x")), f"to {address('y').upper()}", f"from {NETWORK}1"):
        assert leaks(text.encode())
