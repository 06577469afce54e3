"""The doctor at real brokers and endpoints, and what a worker refuses."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from leadrelay.broker import connect
from leadrelay.doctor import broker_facts
from leadrelay.doctor.canary import TITLE
from leadrelay.doctor.gather import folder_facts
from leadrelay.doctor.probe import probe
from leadrelay.queue import DeadLetters, Queue
from leadrelay.queue.books import read_books

from tests.chaos.processes import Broker, free_port, until, worker
from tests.chaos.run import Run
from tests.letters import event

DATASET = "0123456789abcdef0123456789abcdef"


@contextlib.contextmanager
def served(answer):
    """Serve GET on loopback: `answer(path, headers)` gives status and body; gives the URL and the requests seen."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append((self.path, dict(self.headers)))
            status, body = answer(self.path, self.headers)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def doctor(env, *args):
    command = [sys.executable, "-m", "leadrelay", "doctor", *args, "--json"]
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(done.stdout)
    levels = {}
    for finding in told["findings"]:
        levels.setdefault(finding["check"], []).append(finding["level"])
    return done.returncode, told, levels


@pytest.fixture
def own(tmp_path):
    """Start brokers of a test's own."""
    started = []

    def start(*options):
        started.append(Broker(tmp_path / str(len(started)), *options))
        return started[-1]

    yield start
    for server in started:
        server.kill()


def cluster(bus):
    return ("--cluster-enabled", "yes", "--cluster-port", str(bus))


def assign(server, *slots):
    server.client.execute_command("CLUSTER ADDSLOTSRANGE", *slots)


def cluster_is_up(server):
    return server.client.execute_command("CLUSTER INFO")["cluster_state"] == "ok"


# Facts of real brokers ------------------------------------------------------------------------------------------


def test_a_good_broker(own):
    server = own("--maxmemory", "100mb")
    facts = broker_facts(server.client)
    assert facts.version[0] >= 7
    assert (facts.policy, facts.max_bytes, facts.aof, facts.writes_ok) == ("noeviction", 100 * 2**20, True, True)
    assert (facts.replica, facts.mode, facts.shards) == (False, "standalone", None)
    assert abs(facts.clock_ahead_s) < 1
    assert 0 < facts.latency_s[0] <= facts.latency_s[1]


def test_a_broker_that_does_not_say_much(own):
    server = own()
    server.client.execute_command("ACL SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-info", "-config")
    facts = broker_facts(connect(f"redis://app:pw@127.0.0.1:{server.port}/0", 5))
    assert (facts.policy, facts.version, facts.replica) == (None, None, None)
    env = {"LEADRELAY_BROKER_URL": f"redis://app:pw@127.0.0.1:{server.port}/0"}
    code, _, levels = doctor(env, "--producer")
    assert (code, levels["broker"], levels["books"]) == (0, ["warning"], ["ok"])


def test_an_evicting_broker_is_a_problem_and_a_worker_refuses_it(own, tmp_path):
    server = own("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    env = {"LEADRELAY_BROKER_URL": server.url, "LEADRELAY_HOME": str(tmp_path / "home")}
    code, _, levels = doctor(env, "--producer")
    assert (code, levels["eviction"]) == (1, ["problem"])
    refusing = worker(tmp_path, env, "refusing")
    assert refusing.child.wait(30) == 1
    assert "LEADRELAY_ALLOW=eviction" in refusing.tail()
    assert "Traceback" not in refusing.log.read_text()
    allowed = worker(tmp_path, {**env, "LEADRELAY_ALLOW": "eviction"}, "allowed")
    until(lambda: read_books(Queue(server.client)).workers == 1, "it works all the same", 30)
    assert allowed.log.read_text().count("WARNING eviction") == 1
    assert allowed.stop() == 0


def test_a_worker_that_waited_for_its_broker_refuses_it_too(own, tmp_path):
    server = own("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    server.kill()
    refusing = worker(tmp_path, {"LEADRELAY_BROKER_URL": server.url, "LEADRELAY_HOME": str(tmp_path)}, "refusing")
    until(lambda: "Cannot connect" in refusing.log.read_text(), "it waits for the broker", 30)
    server.start()
    assert refusing.child.wait(30) == 1
    assert "LEADRELAY_ALLOW=eviction" in refusing.tail()


def test_a_replica_is_a_problem_and_a_worker_refuses_it(own, tmp_path):
    primary = own()
    replica = own("--replicaof", "127.0.0.1", str(primary.port))
    facts = broker_facts(replica.client)
    assert facts.replica
    until(lambda: broker_facts(primary.client).replicas == 1, "it follows")
    env = {"LEADRELAY_BROKER_URL": replica.url, "LEADRELAY_HOME": str(tmp_path / "home")}
    code, _, levels = doctor(env, "--producer")
    assert (code, levels["replica"], levels["broker"]) == (1, ["problem"], ["ok"])
    code, _, levels = doctor({**env, "LEADRELAY_BROKER_URL": primary.url}, "--producer")
    assert (code, levels["failover"]) == (0, ["warning"])
    refusing = worker(tmp_path, env, "refusing")
    assert refusing.child.wait(30) == 1
    assert "LEADRELAY_ALLOW=replica" in refusing.tail()


def test_a_cluster_of_several_shards_is_a_problem_and_a_worker_refuses_it(own, tmp_path):
    bus = free_port()
    one, two = own(*cluster(free_port())), own(*cluster(bus))
    assign(one, 0, 8191)
    assign(two, 8192, 16383)
    one.client.execute_command("CLUSTER MEET", "127.0.0.1", two.port, bus)
    until(lambda: cluster_is_up(one) and cluster_is_up(two), "the cluster is up", 30)
    assert broker_facts(one.client).shards == 2
    env = {"LEADRELAY_BROKER_URL": one.url, "LEADRELAY_HOME": str(tmp_path / "home")}
    code, _, levels = doctor(env, "--producer")
    assert (code, levels["cluster"]) == (1, ["problem"])
    refusing = worker(tmp_path, env, "refusing")
    assert refusing.child.wait(30) == 1
    assert "LEADRELAY_ALLOW=cluster" in refusing.tail()


def test_a_cluster_of_one_shard_works(tmp_path):
    with Run(tmp_path, broker=Broker(tmp_path, *cluster(free_port()))) as run:
        assign(run.broker, 0, 16383)
        until(lambda: cluster_is_up(run.broker), "the cluster is up")
        process = run.start_worker()
        run.queue.enqueue([event(number, si=DATASET) for number in range(1, 51)])
        until(lambda: run.books().delivered == 50, "all are delivered", 30)
        code, _, levels = doctor({**run.env, "LEADRELAY_DATASET_ID": DATASET}, "--send")
        assert (code, levels["cluster"], levels["canary"]) == (0, ["ok"], ["ok"])
        assert process.stop() == 0
        assert "CrossSlot" not in process.log.read_text()
        assert run.books().balanced


def test_a_newer_schema_is_a_problem(own, tmp_path):
    server = own()
    queue = Queue(server.client)
    queue.enqueue([event(1)])
    server.client.hset(queue.keys.name("ledger"), "schema", 99)
    code, _, levels = doctor({"LEADRELAY_BROKER_URL": server.url}, "--producer")
    assert (code, levels["schema"]) == (1, ["problem"])
    assert "books" not in levels


def test_stray_messages_are_found(own):
    server = own()
    raw = json.dumps({"headers": {"task": "track_event"}, "body": ""})
    server.client.lpush("celery", raw, json.dumps({"headers": {"task": "other"}}), "rubbish")
    server.client.lpush("leadrelay", raw)
    code, told, levels = doctor({"LEADRELAY_BROKER_URL": server.url}, "--producer")
    assert (code, levels["stray"], levels["inbox"], levels["workers"]) == (1, ["warning"], ["warning"], ["problem"])
    assert "3 messages" in next(finding["what"] for finding in told["findings"] if finding["check"] == "stray")


def test_a_broker_that_is_away_is_said_and_is_exit_code_3():
    code, told, levels = doctor({"LEADRELAY_BROKER_URL": "redis://:pw@127.0.0.1:1/0"}, "--producer")
    assert (code, told["ok"], levels["broker"]) == (3, False, ["problem"])
    assert "pw" not in json.dumps(told)


def test_unbalanced_books_are_a_problem(own):
    server = own()
    queue = Queue(server.client)
    queue.enqueue([event(1), event(2)])
    server.client.rpop(queue.keys.name("ready"))
    code, _, levels = doctor({"LEADRELAY_BROKER_URL": server.url}, "--producer")
    assert (code, levels["books"]) == (1, ["problem"] * len(levels["books"]))


# The destination ------------------------------------------------------------------------------------------------


def test_the_destination_is_asked_without_any_parameter():
    with served(lambda *_: (400, b"no si")) as (url, seen):
        facts = probe(url)
    assert (facts.status, facts.with_id, facts.failure, facts.local) == (400, False, "", True)
    assert [path for path, _ in seen] == ["/"]


def test_an_answer_with_an_id_is_told_from_a_page():
    for body, with_id in ((b"01a20f6b3b51786e9da1bb6561b28bf6", True), (b"<html>welcome</html>", False)):
        with served(lambda *_, body=body: (200, body)) as (url, _):
            assert probe(url).with_id is with_id


def test_what_does_not_speak_tls_is_told_from_what_takes_no_connection():
    with served(lambda *_: (400, b"")) as (url, _):
        facts = probe(url.replace("http:", "https:"))
    assert (facts.failure, facts.tls) == ("tls", True)
    assert facts.detail


def test_what_does_not_answer_is_named():
    assert probe(f"http://127.0.0.1:{free_port()}").failure == "connect"
    assert probe("http://no-such-host.invalid").failure == "dns"


# A producer's folders -------------------------------------------------------------------------------------------


def test_folders(tmp_path):
    missing = folder_facts(tmp_path / "a" / "b")
    assert (missing.exists, missing.writable, missing.private) == (False, True, True)
    assert missing.free_bytes > 0
    assert missing.filesystem
    (tmp_path / "open").mkdir(mode=0o755)
    assert not folder_facts(tmp_path / "open").private
    (tmp_path / "closed").mkdir(mode=0o700)
    assert folder_facts(tmp_path / "closed").private


# The canary -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    with Run(tmp_path) as started:
        started.env["LEADRELAY_DATASET_ID"] = DATASET
        yield started


def canary(told):
    return next(finding for finding in told["findings"] if finding["check"] == "canary")


def test_the_canary_arrives_and_says_what_to_look_for(run):
    run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims", 30)
    code, told, levels = doctor(run.env, "--send")
    assert (code, levels["canary"]) == (0, ["ok"])
    arrived = requests.get(f"{run.url}/_sandbox/events", timeout=5).text
    eid = canary(told)["what"].partition("with the id ")[2].split()[0]
    for text in (TITLE, "proxy", DATASET, eid):
        assert text in arrived
    assert run.queue.client.hlen(run.queue.keys.name("watched")) == 0
    assert run.books().balanced


def test_no_canary_flies_without_a_worker(run):
    code, told, _ = doctor(run.env, "--send")
    assert code == 1
    assert "no worker runs" in canary(told)["what"]
    assert run.books().accepted == 0


def test_a_canary_that_dies_is_told_with_its_reason(run):
    run.faults({"status": 400})
    run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims", 30)
    code, told, _ = doctor(run.env, "--send")
    assert code == 1
    assert "dead (rejected)" in canary(told)["what"]
    assert [letter.title for letter in DeadLetters(run.queue).select()] == [TITLE]


def test_a_canary_that_does_not_arrive_in_time_is_told_where_it_is(run):
    run.faults({"status": 503})
    run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims", 30)
    code, told, _ = doctor(run.env, "--send", "--wait", "1")
    assert code == 1
    assert "under way" in canary(told)["what"]


def test_the_canary_is_read_back_with_a_key_of_the_lead_api(run):
    run.start_worker()
    until(lambda: run.books().workers == 1, "the worker claims", 30)
    with served(lambda *_: (200, b'{"last_city": "Utrecht"}')) as (url, seen):
        key = {"LEADRELAY_API_URL": url, "LEADRELAY_API_KEY": "k", "LEADRELAY_API_EMAIL": "me@example.com"}
        code, told, levels = doctor({**run.env, **key}, "--send")
    assert (code, levels["read back"]) == (0, ["ok"])
    ((path, headers),) = seen
    eid = canary(told)["what"].partition("with the id ")[2].split()[0]
    assert path == f"/v1/leads/{eid}?site={DATASET}&email=me%40example.com"
    assert headers["x-api-key"] == "k"
