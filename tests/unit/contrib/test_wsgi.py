import contextvars
import threading

import leadrelay
import pytest
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.contexts import context
from leadrelay.contrib.flask import Leadrelay
from leadrelay.contrib.wsgi import ContextMiddleware
from leadrelay.settings import Settings


@pytest.fixture(autouse=True)
def _client(monkeypatch):
    here = Client(Settings(dataset_id="d1", mode="off"), None)
    monkeypatch.setattr(tracking, "client", lambda: here)


def environ(path, **more):
    names = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "HTTP_HOST": "a.b", "wsgi.url_scheme": "http"}
    return {**names, "PATH_INFO": path, **more}


def identify(environ):
    return {"userId": environ["user"]} if "user" in environ else {}


def ask(app, environ):
    return b"".join(ContextMiddleware(app, identify)(environ, lambda *_: None))


def test_a_request_takes_nothing_that_its_thread_still_holds():
    seen = []

    def leaving(environ, start):
        leadrelay.context(userId="ann").__enter__()
        raise LookupError

    def plain(environ, start):
        seen.append(context.current())
        return []

    with pytest.raises(LookupError):
        ask(leaving, environ("/ann"))
    assert context.current() == {}
    with leadrelay.context(userId="ann", campaign="spring"):
        ask(plain, environ("/bob"))
    assert seen == [{"lc": "http://a.b/bob"}]


def test_a_streamed_body_is_nobodys_and_leaves_nothing():
    seen = []

    def stream():
        with leadrelay.context(campaign="spring"):
            seen.append(context.current())
            yield b"x"

    def app(environ, start):
        return stream()

    body = ContextMiddleware(app, identify)(environ("/ann", user="ann"), lambda *_: None)
    next(body)  # and the client goes away
    ask(lambda *_: seen.append(context.current()) or [], environ("/bob", user="bob"))
    body.close()
    assert seen == [{"campaign": "spring"}, {"lc": "http://a.b/bob", "userId": "bob"}]
    assert context.current() == {}


def test_a_thread_that_outlives_its_request_sees_nothing_of_the_next_in_the_same_environ():
    """As in uWSGI, which has one `environ` for each of its cores."""
    seen, kept, answered = [], {}, threading.Event()

    def later():
        answered.wait(10)
        seen.append(context.current())

    def app(environ, start):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(later,))
        thread.start()
        threads.append(thread)
        return []

    threads = []
    kept.update(environ("/ann", user="ann"))
    ask(app, kept)
    kept.clear()
    kept.update(environ("/bob", user="bob"))
    answered.set()
    threads[0].join(10)
    assert seen == [{"lc": "http://a.b/ann", "userId": "ann"}]


def test_flask_takes_nothing_that_its_thread_still_holds():
    flask = pytest.importorskip("flask")
    app = flask.Flask("shop")
    Leadrelay(app, lambda: {"userId": flask.request.args["user"]})
    app.route("/")(lambda: context.current().get("campaign", "") + context.current()["userId"])
    with leadrelay.context(userId="ann", campaign="spring"):
        assert app.test_client().get("/?user=bob").text == "bob"
        assert context.current() == {"userId": "ann", "campaign": "spring"}
