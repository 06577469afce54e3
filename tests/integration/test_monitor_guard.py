"""Who may look and who may act: every route of Flower and of ours, tried as those who should not."""

import re
import sys
from itertools import chain
from pathlib import Path

import pytest
import requests
from flower.urls import handlers
from leadrelay.queue import Valve
from leadrelay.queue.audit import read_audit
from leadrelay_worker.monitor.routes import ROUTES
from tornado.web import create_signed_value

from tests.chaos.processes import Process, free_port
from tests.chaos.run import Run
from tests.letters import die, event
from tests.monitors import Monitor

LOGIN = ("ann", "secret")
#: What Flower serves without a login, and our scripts and styles: nothing of an event, a worker or a task.
PUBLIC = {"/metrics", "/healthcheck", "/static/x", "/login", "/logout", "/leadrelay/page.css"}
SAMPLES = {"leadrelay/": "page.css", "jobs/": "0" * 16, "dead-letters/": "1"}


def _pattern(handler):
    return handler.regex.pattern if hasattr(handler, "regex") else handler[0]


def _path(pattern):
    pattern = pattern.rstrip("$").replace("/?", "")
    known = next((value for start, value in SAMPLES.items() if pattern.startswith(f"/{start}")), "x")
    return re.sub(r"\(.*?\)(?![*+])", known, pattern)


PATHS = sorted({_path(_pattern(route)) for route in chain(handlers, ROUTES) if _pattern(route) != ".*"})
OURS = sorted({_path(route.regex.pattern) for route in ROUTES})
ACTS = sorted({_path(route.regex.pattern) for route in ROUTES if getattr(route.handler_class, "acts", False)})
POSTS = sorted({_path(route.regex.pattern) for route in ROUTES if "post" in vars(route.handler_class)})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with Run(tmp_path_factory.mktemp("run")) as started:
        die(started.queue, [event(number, email="ann@example.com") for number in range(3)])
        yield started


def _monitor(run, tmp_path_factory, *options, **more):
    return Monitor(tmp_path_factory.mktemp("monitor"), run.env, *options, **more)


@pytest.fixture(scope="module")
def locked(run, tmp_path_factory):
    monitor = _monitor(run, tmp_path_factory, login=LOGIN)
    yield monitor
    monitor.stop()


@pytest.fixture(scope="module")
def open_(run, tmp_path_factory):
    """A monitor without a login, in an environment that opens Flower's own API to everybody."""
    env = {**run.env, "FLOWER_UNAUTHENTICATED_API": "true"}
    monitor = Monitor(tmp_path_factory.mktemp("monitor"), env)
    yield monitor
    monitor.stop()


@pytest.fixture(scope="module")
def read_only(run, tmp_path_factory):
    monitor = _monitor(run, tmp_path_factory, "--read_only", login=LOGIN)
    yield monitor
    monitor.stop()


@pytest.fixture
def untouched(run):
    """Nothing is done by a test: no act is recorded, and the books and the valve stay."""
    before = run.books()
    acts = list(read_audit(run.queue))
    yield
    after = run.books()
    assert list(read_audit(run.queue)) == acts
    assert (after.ledger(), after.sending) == (before.ledger(), before.sending)


def test_the_routes_are_all_there():
    assert len(OURS) == len(ROUTES)
    assert {"/delivery/pause", "/dead-letters/1/edit", "/dead-letters/replay", "/dead-letters/drop"} <= set(ACTS)
    assert set(POSTS) - set(ACTS) == {
        "/dead-letters/list", "/dead-letters/counts", "/event/x/trace", "/users/events", "/ledger/verify"
    }  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("untouched")
def test_without_a_login_nothing_is_shown_and_nothing_done(locked, path):
    root = f"http://127.0.0.1:{locked.port}"
    for method in ("GET", "POST", "PUT", "DELETE"):
        reply = requests.request(method, root + path, timeout=60, allow_redirects=False)
        if path in PUBLIC and method == "GET":
            assert reply.status_code in (200, 404)
        else:
            assert reply.status_code in ((401,) if method == "GET" and path in OURS else (401, 403, 404, 405)), method
        assert "ann@example.com" not in reply.text


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"X-XSRFToken": "wrong"}, {"X-XSRFToken": ""}, {"Origin": "null"}],
    ids=str,
)  # fmt: skip
def test_a_request_that_no_page_of_ours_made_is_refused(locked, open_, path, headers):
    for monitor in (locked, open_):
        reply = monitor.post(
            path.lstrip("/"), {"because": "x", "event": {}, "revision": 0, "user": "x"}, headers=headers
        )
        assert reply.status_code == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("untouched")
def test_without_a_login_a_name_that_is_not_this_machine_reaches_nothing(open_, path):
    for method in ("GET", "POST", "OPTIONS"):
        reply = open_.session.request(method, f"{open_.url}{path}", headers={"Host": "evil.example"}, timeout=60)
        assert reply.status_code == 403
        assert "LEADRELAY_MONITOR_HOSTS" in reply.text


@pytest.mark.parametrize("path", sorted({*OURS} - PUBLIC))
def test_no_other_origin_may_read_ours(open_, path):
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": "https://evil.example"}
        reply = open_.session.request(method, f"{open_.url}{path}", headers=headers, timeout=60)
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert reply.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ACTS)
@pytest.mark.usefixtures("untouched")
def test_read_only_refuses_every_act_and_says_so(read_only, path):
    reply = read_only.post(path.lstrip("/"), {"because": "x", "event": {}, "revision": 0})
    assert reply.status_code == 403
    assert "read-only" in reply.json()["error"]


def test_read_only_still_shows(read_only):
    assert read_only.post("dead-letters/list").json()["letters"]
    assert "read-only" in read_only.get("delivery").text


def test_with_a_login_every_page_is_shown_and_kept_out_of_caches_and_frames(locked):
    for path in ("delivery", "dead-letters", "dead-letters/1", "event", "event/x", "ledger"):
        reply = locked.get(path)
        assert reply.status_code == 200, path
        assert reply.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
        assert "ann@example.com" not in reply.text


def test_the_login_is_named_in_the_audit(locked, run):
    assert locked.post("delivery/pause", {"reason": "as ann"}).status_code == 200
    assert locked.post("delivery/resume").status_code == 200
    assert [(act.by, act.act) for act in read_audit(run.queue)][:2] == [("ann", "resume"), ("ann", "pause")]


@pytest.mark.parametrize(
    ("options", "env", "listens"),
    [
        (["--host", "0.0.0.0"], {}, False),
        (["--address="], {}, False),
        (["--host", "::"], {}, False),
        (["--host", "0.0.0.0"], {"FLOWER_BASIC_AUTH": ""}, False),
        (["--host", "0.0.0.0", "--basic_auth="], {}, False),
        (["--host", "127.0.0.1"], {"FLOWER_ADDRESS": "0.0.0.0"}, True),
        ([], {"FLOWER_ADDRESS": "0.0.0.0"}, False),
        (["--host", "0.0.0.0"], {"LEADRELAY_MONITOR_HOSTS": "monitor.example.com"}, True),
        (["--host", "0.0.0.0"], {"FLOWER_BASIC_AUTH": "ann:secret"}, True),
    ],
    ids=str,
)  # fmt: skip
def test_it_listens_beyond_this_machine_only_with_a_login_or_by_name(run, tmp_path, options, env, listens):
    if listens:
        monitor = Monitor(tmp_path, {**run.env, **env}, *options)
        monitor.session.auth = LOGIN if "FLOWER_BASIC_AUTH" in env else None
        assert monitor.get("delivery").ok
        monitor.stop()
        return
    command = [sys.executable, "-m", "leadrelay", "monitor", "--port", str(free_port()), *options]
    process = Process("refused", command, tmp_path, {**run.env, **env})
    assert process.child.wait(60) == 2
    assert re.search("without a (login|name)", process.log.read_text())


def test_a_login_comes_from_a_file_and_is_in_no_list_of_processes(run, tmp_path):
    (tmp_path / "login").write_text("ann:secret\n")
    monitor = Monitor(tmp_path, {**run.env, "FLOWER_BASIC_AUTH_FILE": str(tmp_path / "login")}, "--host", "0.0.0.0")
    assert monitor.get("delivery").status_code == 401
    assert monitor.get("delivery", auth=LOGIN).ok
    for part in ("cmdline", "environ"):
        assert b"ann:secret" not in Path(f"/proc/{monitor.process.pid}/{part}").read_bytes()
    monitor.stop()
    assert "secret" not in monitor.process.log.read_text()


def test_a_login_beyond_ascii_is_compared_right(run, tmp_path):
    monitor = Monitor(tmp_path, {**run.env, "FLOWER_BASIC_AUTH": "zoë:gehëim"})
    for given, status in (("zoë:gehëim", 200), ("zoë:geheim", 401), ("ann:s€cret", 401), ("ann:secret", 401)):
        login = tuple(part.encode() for part in given.split(":"))
        for path in ("delivery", "workers"):
            assert monitor.get(path, auth=login).status_code == status
    monitor.stop()
    assert "Traceback" not in monitor.process.log.read_text()


# A login by OAuth -----------------------------------------------------------------------------------------------------

OAUTH = (
    "--auth=ann@example.com", "--auth_provider=flower.views.auth.GoogleAuth2LoginHandler", "--oauth2_key=k",
    "--oauth2_secret=s", "--oauth2_redirect_uri=http://127.0.0.1/login", "--cookie_secret=test",
)  # fmt: skip


@pytest.fixture(scope="module")
def behind_oauth(run, tmp_path_factory):
    monitor = _monitor(run, tmp_path_factory, *OAUTH)
    yield monitor
    monitor.stop()


@pytest.mark.parametrize("path", sorted({*OURS} - PUBLIC))
@pytest.mark.usefixtures("untouched")
def test_who_has_not_logged_in_by_oauth_is_sent_there_and_does_nothing(behind_oauth, path):
    reply = requests.get(behind_oauth.url + path, timeout=60, allow_redirects=False)
    assert reply.status_code in (302, 403, 405)
    if reply.status_code == 302:
        assert reply.headers["Location"] == f"/login?next={path}"
    reply = behind_oauth.post(path.lstrip("/"), {"because": "x"}, allow_redirects=False)
    assert reply.status_code in (302, 403, 405)


def _logged_in(monitor, name):
    session = requests.Session()
    session.cookies.set("user", create_signed_value("test", "user", name).decode())
    page = session.get(f"{monitor.url}/delivery", timeout=60, allow_redirects=False)
    session.headers["X-XSRFToken"] = session.cookies.get("_xsrf", "")
    return session, page.status_code


def test_who_logged_in_by_oauth_acts_under_that_name(behind_oauth, run):
    Valve(run.queue).pause("me")
    eve, shown = _logged_in(behind_oauth, "eve@example.com")
    assert shown == 302
    assert eve.post(f"{behind_oauth.url}/delivery/resume", timeout=60).status_code == 403
    ann, shown = _logged_in(behind_oauth, "ann@example.com")
    assert shown == 200
    assert ann.post(f"{behind_oauth.url}/delivery/resume", timeout=60).status_code == 200
    assert next(read_audit(run.queue)).by == "ann@example.com"
