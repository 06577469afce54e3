"""The gateway as its clients meet it: a real process, a real broker, bytes through sockets."""

import gzip
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
import requests
from leadrelay.gateway.limits import ANSWER_S, MOST_CONNECTIONS, MOST_FIELDS, MOST_FORM, MOST_LINE, MOST_LINES
from leadrelay.gateway.upload import PATH
from leadrelay.queue import Queue
from leadrelay.queue.books import read_books
from leadrelay.queue.message import Message
from leadrelay.trackapi.answers import GIF, is_event_id

from tests.chaos.processes import Broker, Process, free_port, gateway, until
from tests.chaos.processes import served as served_at
from tests.integration.test_recorded_requests import answer_to

FORM = "application/x-www-form-urlencoded"
SECRET = "a-long-secret"
#: What one mobile client waits for an answer (facts.md).
PATIENCE_S = 3.0


class Queued:
    """A gateway and what it put into the queue."""

    def __init__(self, process, url, queue, folder):
        self.process, self.url, self.queue, self.folder = process, url, queue, folder

    def get(self, query="", **options):
        return requests.get(f"{self.url}/?si=d&ti=x&{query}", timeout=10, **options)

    def post(self, body, path="/", **options):
        return requests.post(f"{self.url}{path}", body, timeout=10, **options)

    def events(self):
        """Give what waits, oldest first."""
        raw = self.queue.client.lrange(self.queue.keys.name("ready"), 0, -1)
        return [json.loads(Message.parse(one).payload) for one in reversed(raw)]

    def last(self):
        return self.events()[-1]

    def counts(self):
        lines = requests.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        own = (line.removeprefix("leadrelay_gateway_") for line in lines if line.startswith("leadrelay_gateway_"))
        return {name: int(float(number)) for name, number in (line.rsplit(" ", 1) for line in own)}


def environment(broker, folder, **more):
    return {
        "LEADRELAY_BROKER_URL": broker.url,
        "LEADRELAY_DATASET_ID": "d",
        "LEADRELAY_ALLOWED_DATASETS": "e, f",
        "LEADRELAY_HOME": str(folder / "home"),
        **more,
    }


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker"))
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def served(own_broker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    process, url = gateway(folder, environment(own_broker, folder, LEADRELAY_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8"))
    yield Queued(process, url, Queue(own_broker.client), folder)
    process.kill()


@pytest.fixture
def here(served):
    served.queue.client.flushall()
    return served


@pytest.fixture
def started(own_broker, tmp_path):
    """Start further gateways, with other settings."""
    processes = []
    own_broker.client.flushall()

    def start(*options, **env):
        process, url = gateway(tmp_path, environment(own_broker, tmp_path, **env), *options)
        processes.append(process)
        return Queued(process, url, Queue(own_broker.client), tmp_path)

    yield start
    for process in processes:
        process.kill()


# What is answered ---------------------------------------------------------------------------------------------------


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="not on PATH: curl")


def curl(*arguments):
    done = subprocess.run(["curl", "-s", *arguments], capture_output=True, check=True, timeout=20)
    return done.stdout


EID = "0198c0de0000700080000000000000ab"


@pytest.mark.parametrize(
    ("asked", "content_type", "body"),
    [
        ("", "text/plain; charset=utf-8", EID.encode()),
        ("&pix", "image/gif", GIF),
        ("&pix&json&callback=f", "image/gif", GIF),
        ("&json", "application/json", f'{{"eid": "{EID}"}}'.encode()),
        ("&json=true", "application/json", f'{{"eid": "{EID}"}}'.encode()),
        (
            "&callback=jQuery3_1&_=16",
            "application/javascript; charset=utf-8",
            f'jQuery3_1({{"eid": "{EID}"}});'.encode(),
        ),
        ("&json&callback=a.b", "application/javascript; charset=utf-8", f'a.b({{"eid": "{EID}"}});'.encode()),
        ("&callback=alert(1)", "text/plain; charset=utf-8", EID.encode()),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
@needs_curl
def test_every_form_of_the_answer_byte_for_byte(here, method, asked, content_type, body):
    wire = f"si=d&ti=x&eid={EID}{asked}"
    request = (f"{here.url}/?{wire}",) if method == "GET" else ("-d", wire, f"{here.url}/")
    head, _, answered = curl("-i", *request).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    lines = head.lower().split(b"\r\n")
    assert f"content-type: {content_type}".encode().lower() in lines
    assert b"content-length: %d" % len(body) in lines
    assert b"access-control-allow-origin: *" in lines
    assert b"cache-control: no-store" in lines
    assert answered == body
    assert here.last()["eid"] == EID
    assert not here.last().keys() & {"pix", "json", "callback", "_"}


def test_ids_are_new_and_never_read_as_numbers(here):
    with requests.Session() as session:
        eids = [session.get(f"{here.url}/?si=d&ti=x", timeout=10).text for _ in range(300)]
    assert [event["eid"] for event in here.events()] == eids
    assert len(set(eids)) == 300
    assert all(is_event_id(eid) and not _is_number(eid) for eid in eids)


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def test_an_id_that_reads_as_a_number_is_the_clients_own(here):
    assert here.get("eid=1783024862163.757717719").text == "1783024862163.757717719"


def test_a_browser_may_ask_first(here):
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    answer = requests.options(here.url, headers=asked, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert "content-type" in answer.headers["access-control-allow-headers"]
    assert here.events() == []


def test_an_e_mails_pixel(here):
    answer = requests.get(f"{here.url}/log?datasetId=d&campaign=spring&email=a%40example.com", timeout=10)
    assert (answer.content, answer.headers["content-type"]) == (GIF, "image/gif")
    event = here.last()
    assert (event["si"], event["campaign"], event["email"]) == ("d", "spring", "a@example.com")
    assert "datasetId" not in event


# Whose it is --------------------------------------------------------------------------------------------------------


def test_address_and_agent_are_the_visitors(here):
    here.get(headers={"User-Agent": "Mozilla/5.0 Zoë".encode()})
    assert (here.last()["ip"], here.last()["_ua"]) == ("127.0.0.1", "Mozilla/5.0 Zoë".encode().decode("latin-1"))
    here.get(headers={"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.2.3"})
    assert here.last()["ip"] == "203.0.113.9"
    here.get("ip=198.51.100.7", headers={"X-Forwarded-For": "203.0.113.9"})
    assert here.last()["ip"] == "198.51.100.7"


def test_who_is_not_trusted_names_nobody(started):
    relay = started()
    relay.get(headers={"X-Forwarded-For": "203.0.113.9"})
    assert relay.last()["ip"] == "127.0.0.1"


def test_an_event_by_proxy_has_no_visitor(here):
    here.get("proxy=true&uid=u")
    assert "ip" not in here.last()


@pytest.mark.parametrize(("setting", "proxy"), [("auto", None), ("true", "true"), ("false", None)])
def test_the_setting_decides_for_events_that_say_nothing(started, setting, proxy):
    relay = started(LEADRELAY_PROXY=setting)
    relay.get()
    assert relay.last().get("proxy") == proxy
    assert ("ip" in relay.last()) == (proxy is None)
    relay.get("proxy=false")
    assert (relay.last()["proxy"], relay.last()["ip"]) == ("false", "127.0.0.1")


# What is refused ----------------------------------------------------------------------------------------------------


def refused(answer, status, reason):
    """No answer without an event has a body: some clients take any body for success."""
    assert (answer.status_code, answer.content) == (status, b"")
    assert reason in answer.headers["leadrelay-reason"]


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ("ti=x", 400, "si: no dataset id"),
        ("si=&ti=x", 400, "si: no dataset id"),
        ("si=other&ti=x", 400, "si: not a dataset of this gateway"),
        ("si=d&eid=1", 400, "eid: expected 6 to 128"),
        ("si=d&eid=a%0D%0Ab%2012", 400, "eid: expected"),
        ("si=d&_ua=x", 400, "_ua: reserved"),
        ("si=d&x=" + "y" * MOST_LINE, 414, "request line"),
        ("si=d" + "&a" * MOST_FIELDS, 413, "fields"),
    ],
)
def test_what_is_not_taken(here, query, status, reason):
    refused(requests.get(f"{here.url}/?{query}", timeout=10), status, reason)
    assert here.events() == []


@pytest.mark.parametrize("si", ["d", "e", "f"])
def test_configured_datasets_are_taken(here, si):
    assert requests.get(f"{here.url}/?si={si}&ti=x", timeout=10).text == here.last()["eid"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/", 405), ("DELETE", "/", 405), ("GET", "/x", 404), ("POST", "/healthz", 405), ("GET", PATH, 405)],
)
def test_other_methods_and_paths(here, method, path, status):
    refused(requests.request(method, f"{here.url}{path}?si=d&ti=x", timeout=10), status, "")
    assert here.events() == []


def test_head_counts_nothing(here):
    assert requests.head(f"{here.url}/?si=d&ti=x", timeout=10).status_code == 405
    assert here.events() == []


def test_bodies_that_are_no_forms_or_too_large(here):
    refused(here.post(b'{"si":"d"}', headers={"Content-Type": "application/json"}), 415, "form")
    refused(here.post(b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"}), 415, "form")
    refused(here.post(b"si=d&x=" + b"y" * MOST_FORM, headers={"Content-Type": FORM}), 413, "too large")
    refused(here.post(b"si=d&x=" + b"y" * 70_000, headers={"Content-Type": FORM}), 400, "x: the event has")
    assert here.events() == []


@pytest.mark.parametrize(
    "request_", [b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"]
)
def test_what_is_no_http_gets_no_body(here, request_):
    head, body = answer_to(here.url, request_)
    assert head.startswith(b"HTTP/1.1 400")
    assert body == b""


# The secret ---------------------------------------------------------------------------------------------------------


def test_a_secret_is_wanted_where_one_is_set(started, tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    relay = started("--host", "127.0.0.1", LEADRELAY_GATEWAY_SECRET_FILE=str(file))
    refused(relay.get(), 401, "secret")
    refused(relay.get("leadrelay_secret=a-long-secreT"), 401, "secret")
    refused(requests.get(f"{relay.url}/metrics", timeout=10), 401, "secret")
    assert relay.get(headers={"Leadrelay-Secret": SECRET}).status_code == 200
    assert relay.get(f"leadrelay_secret={SECRET}").status_code == 200
    assert requests.get(f"{relay.url}/healthz", timeout=10).text == "ok"
    assert len(relay.events()) == 2
    assert not any("leadrelay_secret" in event or SECRET in str(event) for event in relay.events())
    assert SECRET not in relay.process.log.read_text()


def command(own_broker, tmp_path, *options, **env):
    environ = environment(own_broker, tmp_path, **env)
    process = Process(
        "refusing", [sys.executable, "-m", "leadrelay", "gateway", "--port", "0", *options], tmp_path, environ
    )
    until(lambda: not process.alive, "it ends")
    return process.child.returncode, process.tail()


@pytest.mark.parametrize("mode", ["off", "log", "fake", "inline"])
def test_it_answers_for_no_event_that_is_kept_nowhere(own_broker, tmp_path, mode):
    code, said = command(own_broker, tmp_path, LEADRELAY_MODE=mode)
    assert code == 1
    assert f"LEADRELAY_MODE={mode}" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_is_not_open_to_others_by_accident(own_broker, tmp_path, host):
    code, said = command(own_broker, tmp_path, "--host", host)
    assert code == 1
    assert "LEADRELAY_GATEWAY_SECRET" in said
    assert "--open" in said
    assert "Traceback" not in said


def test_it_says_that_it_needs_a_dataset(own_broker, tmp_path):
    code, said = command(own_broker, tmp_path, LEADRELAY_DATASET_ID="", LEADRELAY_ALLOWED_DATASETS="")
    assert code == 1
    assert "LEADRELAY_DATASET_ID" in said


def test_it_says_that_an_address_is_taken(own_broker, tmp_path, here):
    code, said = command(own_broker, tmp_path, "--port", str(urlsplit(here.url).port))
    assert (code, "Traceback" in said) == (1, False)
    assert "choose another" in said


def test_it_may_be_open_to_others(started):
    assert started("--host", "0.0.0.0", "--open").get().status_code == 200


# Uploads ------------------------------------------------------------------------------------------------------------

LINES = [
    b"https://log.example/?si=d&ti=open&uid=u1&t_ms=1606468777834",
    b"https://log.example/?si=d&ti=open&uid=u1&t_ms=1606468777834",
    b"https://log.example/?si=d&ti=close&uid=u1&firstName=Zo%EB&t_ms=1606468777900",
    b"https://log.example/?si=other&ti=close&t_ms=1606468777900",
    b"https://log.example/?si=d&ti=own&eid=e-42-abc",
    b"https://log.example/?si=d&ti=no+time",
]


def upload(relay, data, field="upload", **options):
    return requests.post(
        f"{relay.url}{PATH}", files={field: ("events.gz", data, "application/gzip")}, timeout=20, **options
    )


@pytest.mark.parametrize("field", ["upload", "file"])
def test_an_upload(here, field):
    answer = upload(here, gzip.compress(b"\n".join(LINES) + b"\r\n"), field)
    assert answer.status_code == 200
    assert answer.headers["leadrelay-refused"] == "1"
    eids = answer.text.split("\n")
    assert eids[3:5] == ["-", "e-42-abc"]
    events = here.events()
    assert [event["eid"] for event in events] == [eid for eid in eids if eid != "-"]
    assert [event["ti"] for event in events] == ["open", "open", "close", "own", "no time"]
    assert events[0]["t_ms"] == "1606468777834"
    assert events[2]["firstName"] == "Zoë"


def test_an_upload_that_comes_again_is_the_same_events(here):
    packed = gzip.compress(b"\n".join(LINES[:5]))
    first, second = upload(here, packed), upload(here, packed)
    assert first.text == second.text
    assert len(set(first.text.split("\n"))) == 5
    assert len(here.events()) == 4


def test_an_upload_with_a_stray_preamble(here):
    body = (
        b'Content-Type: text/plain\r\n\r\nstray\r\n--xyz\r\nContent-Disposition: form-data; name="file"; '
        b'filename="a.gz"\r\nContent-Type: application/octet-stream\r\n\r\n'
        + gzip.compress(LINES[0])
        + b"\r\n--xyz--\r\n"
    )
    answer = here.post(body, PATH, headers={"Content-Type": "multipart/form-data; boundary=xyz"})
    assert answer.text == here.last()["eid"]


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"no gzip", 400, "not a gzip"),
        (gzip.compress(b"x" * 5000)[:-9], 400, "not a whole gzip"),
        (gzip.compress(b""), 400, "no line"),
        (gzip.compress(LINES[3]), 400, "no line"),
        (gzip.compress(b"\0" * 100_000_000), 413, "unpacked"),
        (gzip.compress(b"x\n" * (MOST_LINES + 1)), 413, "lines"),
    ],
    ids=["none", "cut", "empty", "other dataset", "bomb", "lines"],
)
def test_what_is_no_upload(here, data, status, reason):
    refused(upload(here, data), status, reason)
    assert here.events() == []


def test_the_largest_upload_is_answered_in_time(here):
    lines = [
        b"https://log.example/?si=d&ti=open&uid=u%d&t_ms=%d" % (number, 10**12 + number) for number in range(MOST_LINES)
    ]
    answer = upload(here, gzip.compress(b"\n".join(lines)))
    assert len(set(answer.text.split("\n"))) == len(here.events()) == MOST_LINES


# The way to the queue -----------------------------------------------------------------------------------------------


def test_requests_at_a_time_share_calls(here):
    before = here.counts()
    request = b"".join(b"GET /?si=d&ti=x&n=%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(20))
    with ThreadPoolExecutor(30) as pool:
        list(pool.map(lambda _: answer_to(here.url, request[: request.index(b"n=1 ") + 50]), range(300)))
    after = here.counts()
    events = after["accepted_events_total"] - before["accepted_events_total"]
    assert events == read_books(here.queue).accepted
    assert after["calls_total"] - before["calls_total"] < events


def ready(relay):
    return requests.get(f"{relay.url}/readyz", timeout=10).status_code == 200


def test_a_frozen_broker_is_answered_in_time_from_the_spool(started, own_broker):
    relay = started()
    relay.get()
    own_broker.process.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        eids = [relay.get().text for _ in range(3)]
        took = time.monotonic() - began
        assert requests.get(f"{relay.url}/healthz", timeout=10).status_code == 200
        until(lambda: ready(relay), "it is ready all the same")
    finally:
        own_broker.process.signal(signal.SIGCONT)
    assert took < PATIENCE_S + 10  # the machine may be busy
    assert ANSWER_S < PATIENCE_S
    until(lambda: len(relay.events()) == 4, "the spool is drained")
    assert [event["eid"] for event in relay.events()[1:]] == eids


def test_without_broker_and_spool_nothing_is_answered_with_a_body(tmp_path):
    broker = Broker(tmp_path)
    process, url = gateway(tmp_path, environment(broker, tmp_path, LEADRELAY_SPOOL_MAX_BYTES="1"))
    try:
        relay = Queued(process, url, Queue(broker.client), tmp_path)
        eid = relay.get().text
        assert ready(relay)
        broker.kill()
        answer = relay.get()
        refused(answer, 503, "the spool has")
        assert answer.headers["retry-after"]
        # One byte of room is room: only a spool that is full, or cannot be written, cannot take the next event.
        broker.start()
        until(lambda: relay.get().status_code == 200, "events are taken again")
        assert relay.events()[0]["eid"] == eid
    finally:
        process.kill()
        broker.kill()


def test_readiness_is_about_queue_and_spool(tmp_path):
    broker = Broker(tmp_path)
    process, url = gateway(tmp_path, environment(broker, tmp_path))
    try:
        relay = Queued(process, url, Queue(broker.client), tmp_path)
        broker.kill()
        assert relay.get().status_code == 200
        assert ready(relay)
        home = tmp_path / "home"
        home.rename(tmp_path / "gone")
        home.write_text("no folder")
        until(lambda: not ready(relay), "it is not ready")
        broker.start()
        until(lambda: ready(relay), "it is ready again")
    finally:
        process.kill()
        broker.kill()


def test_a_full_broker_leaves_it_to_the_spool(own_broker, started):
    relay = started()
    own_broker.client.config_set("maxmemory", 1)
    try:
        eid = relay.get().text
        assert ready(relay)
    finally:
        own_broker.client.config_set("maxmemory", 0)
    until(lambda: [event["eid"] for event in relay.events()] == [eid], "the spool is drained")


def _connects(relay):
    try:
        connection(relay).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_stop_answers_what_was_read(started, own_broker):
    relay = started()
    own_broker.process.signal(signal.SIGSTOP)
    try:
        client = HTTPConnection(relay.url.removeprefix("http://"), timeout=30)
        client.request("GET", "/?si=d&ti=a")
        assert requests.get(f"{relay.url}/healthz", timeout=10).text == "ok"  # so what came before was read
        relay.process.child.terminate()
        time.sleep(0.1)
    finally:
        own_broker.process.signal(signal.SIGCONT)
    answered = client.getresponse()
    body = answered.read().decode()
    assert (answered.status, body) in {(200, relay.last()["eid"] if relay.events() else ""), (503, "")}
    until(lambda: not relay.process.alive, "it ends")
    assert relay.process.child.returncode == 0
    with pytest.raises(requests.ConnectionError):
        relay.get()


# Clients that are slow, or many -------------------------------------------------------------------------------------


def connection(relay):
    where = urlsplit(relay.url)
    return socket.create_connection((where.hostname, where.port), timeout=60)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\r\n",
        b"GET /?si=d&ti=x HT",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nsi=d",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsi=d&\r\n",
        b"GET /?si=d&ti=x HTTP/1.1\r\nHost: x\r\n\r\nGET /?si=",
    ],
)
@pytest.mark.slow
def test_a_request_that_does_not_come_whole_is_cut(here, start):
    with connection(here) as client:
        client.sendall(start)
        received = b""
        try:
            while more := client.recv(65536):
                received += more
        except ConnectionResetError:
            pass
    assert received.count(b"HTTP/1.1 200") == start.count(b"x HTTP/1.1\r\nHost: x\r\n\r\nGET")


@pytest.mark.parametrize(
    "start", [b"GET /?si=d&x=", b"GET / HTTP/1.1\r\nX: ", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x="]
)
def test_what_has_no_end_is_cut_off(here, start):
    with connection(here) as client:
        client.sendall(start)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            client.sendall(b"y" * 2**24)


def test_pipelined_requests_are_answered_in_order(here):
    requests_ = b"".join(b"GET /?si=d&ti=x&eid=e%05d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(200))
    with connection(here) as client:
        client.sendall(requests_ + b"GET /?si=d&ti=x&eid=last-1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(65536), b""))
    bodies = [part.partition(b"\r\n\r\n")[2] for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"e%05d" % number for number in range(200)] + [b"last-1"]


def test_one_connection_too_many_is_cut_and_the_others_are_served(own_broker, tmp_path):
    words = ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", sys.executable, "-m", "leadrelay", "gateway", "--port", "0"]
    process = Process("gateway", words, tmp_path, environment(own_broker, tmp_path))
    try:
        url = served_at(process, 0, "/healthz")
        relay = Queued(process, url, Queue(own_broker.client), tmp_path)
        request = b"GET /?si=d&ti=x HTTP/1.1\r\nHost: x\r\n\r\n"
        with ExitStack() as stack:
            clients = [stack.enter_context(connection(relay)) for _ in range(200)]
            assert 0 < sum(is_answered(client, request) for client in clients) <= 36
        until(lambda: relay.counts()["connections"] < 36, "they are gone")
        assert relay.counts()["too_many_connections_total"] > 100  # a busy machine cuts some of the 36 as slow
        assert relay.get().status_code == 200
    finally:
        process.kill()


def is_answered(client, request):
    try:
        client.sendall(request)
        return client.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def test_health_and_readiness_say_that_nothing_depends_on_the_endpoint(started):
    relay = started(LEADRELAY_DESTINATION_URL=f"http://127.0.0.1:{free_port()}")
    assert requests.get(f"{relay.url}/readyz", timeout=10).text == "ready"


def test_a_scrape_tells_of_the_gateway_the_queue_and_the_spool(here):
    answer = requests.get(f"{here.url}/metrics", headers={"Accept": "application/openmetrics-text"}, timeout=10)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    said = answer.text.splitlines()
    assert 'leadrelay_up{queue="leadrelay"} 1.0' in said
    assert 'leadrelay_spool_events{queue="leadrelay"} 0.0' in said
    assert "# TYPE leadrelay_gateway_calls counter" in said


def test_metrics_are_for_this_machine(here):
    assert here.counts()["connections"] <= MOST_CONNECTIONS
    refused(requests.get(f"{here.url}/metrics", headers={"X-Forwarded-For": "203.0.113.9"}, timeout=10), 403, "")
