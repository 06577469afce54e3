"""The Django parts, without a project: settings, checks, middleware. Projects: `test_frameworks`."""

import asyncio
import contextvars
import os
from pathlib import Path

import leadrelay
import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from leadrelay import tracking
from leadrelay.client import Client
from leadrelay.contrib.django import checks, conf
from leadrelay.contrib.django.middleware import ContextMiddleware
from leadrelay.errors import ConfigurationError
from leadrelay.settings import Settings

from tests import django_process

django_process.set_up()

GOOD = {"DATASET_ID": "d1", "BROKER_URL": "redis://broker/0"}
FIRST = [checks.MIDDLEWARE, "django.middleware.common.CommonMiddleware"]


@pytest.fixture(autouse=True)
def _project():
    with override_settings(
        LEADRELAY=GOOD, MIDDLEWARE=FIRST, ROOT_URLCONF="shop.urls", ALLOWED_HOSTS=["shop.example.com"]
    ):
        yield


def visitor(request):
    return {"userId": request.headers["user"]}


# Settings -------------------------------------------------------------------------------------------------------------


def test_values_are_pythons(monkeypatch):
    monkeypatch.delenv("LEADRELAY_HOME")
    given = {
        **GOOD,
        "LANES": False,
        "TIMEOUT_MS": 200,
        "HOME": Path("/srv/leadrelay"),
        "TRUSTED_PROXIES": ["10.0.0.0/8", "::1"],
        "DEFAULT_PROPERTIES": {"shop": "nl"},
        "MAX_RATE": None,
    }
    with override_settings(LEADRELAY=given):
        loaded = conf.load()
    assert (loaded.dataset_id, loaded.lanes, loaded.timeout_ms, loaded.home) == (
        "d1",
        False,
        200,
        Path("/srv/leadrelay"),
    )
    assert [str(network) for network in loaded.trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    assert (loaded.default_properties, loaded.max_rate) == ({"shop": "nl"}, None)


def test_the_environment_wins(monkeypatch, tmp_path):
    monkeypatch.setenv("LEADRELAY_DATASET_ID", "d2")
    file = tmp_path / "url"
    file.write_text("redis://other/0")
    monkeypatch.setenv("LEADRELAY_BROKER_URL_FILE", str(file))
    assert (conf.load().dataset_id, conf.load().broker_url) == ("d2", "redis://other/0")
    assert conf.environment() == {}


def test_a_project_without_settings_has_those_of_the_environment():
    with override_settings():
        del settings.LEADRELAY
        assert conf.load() == Settings.load(os.environ)


@pytest.mark.parametrize(("value", "found"), [(None, None), (visitor, visitor), ("os.path.join", os.path.join)])
def test_who_the_visitor_is_is_a_function_or_its_path(value, found):
    with override_settings(LEADRELAY={"IDENTIFY": value}):
        assert conf.identify() is found


# Checks ---------------------------------------------------------------------------------------------------------------


def said(check, **changed):
    with override_settings(**changed):
        return [(message.id, message.msg, message.hint) for message in check()]


def test_nothing_is_said_of_a_project_that_is_well():
    assert [*said(checks.check_settings), *said(checks.check_middleware), *said(checks.check_broker)] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("redis://:secret@broker", "LEADRELAY: expected a dict of settings, not a str"),
        ({**GOOD, "TIMEOUT_MS": "secret"}, "LEADRELAY_TIMEOUT_MS: not a usable value."),
        ({**GOOD, "TRUSTED_PROXIES": "secret"}, "LEADRELAY_TRUSTED_PROXIES: not a usable value."),
        ({**GOOD, "IDENTIFY": "no.such.function"}, "LEADRELAY['IDENTIFY']: cannot import it"),
        ({**GOOD, "IDENTIFY": 7}, "LEADRELAY['IDENTIFY']: expected a function of the request"),
    ],
)
def test_what_is_invalid_is_an_error_without_its_value(given, message):
    ((name, text, _),) = said(checks.check_settings, LEADRELAY=given)
    assert name == "leadrelay.E001"
    assert text.startswith(message)
    assert "secret" not in text


def test_a_missing_dataset_and_unknown_names_are_warnings():
    found = said(checks.check_settings, LEADRELAY={"LEADRELAY_DATASET": "x", "colour": 1})
    assert [(name, hint.partition(":")[0]) for name, _, hint in found] == [
        ("leadrelay.W002", "Did you mean DATASET_ID?"),
        ("leadrelay.W002", "There are"),
        ("leadrelay.W001", 'Set LEADRELAY = {"DATASET_ID"'),
    ]


def test_a_proxy_that_django_knows_of_and_leadrelay_does_not():
    behind = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
    assert [name for name, _, _ in said(checks.check_settings, **behind)] == ["leadrelay.W005"]
    assert said(checks.check_settings, **behind, LEADRELAY={**GOOD, "TRUSTED_PROXIES": "10.0.0.0/8"}) == []


def test_a_middleware_that_is_missing_or_late():
    ((name, _, hint),) = said(checks.check_middleware, MIDDLEWARE=FIRST[1:])
    assert name == "leadrelay.W003"
    assert checks.MIDDLEWARE in hint
    ((name, text, _),) = said(checks.check_middleware, MIDDLEWARE=["shop.middleware.Visits", *FIRST])
    assert name == "leadrelay.W004"
    assert "shop.middleware.Visits" in text


def test_before_a_deployment_a_broker_is_asked_for():
    ((name, _, _),) = said(checks.check_broker, LEADRELAY={"DATASET_ID": "d1"})
    assert name == "leadrelay.W006"
    assert said(checks.check_broker, LEADRELAY={"DATASET_ID": "d1", "MODE": "off"}) == []
    assert said(checks.check_broker, LEADRELAY={"TIMEOUT_MS": "x"}) == []


# The middleware -------------------------------------------------------------------------------------------------------

FACTORY = {"HTTP_HOST": "shop.example.com", "HTTP_USER_AGENT": "Mozilla", "REMOTE_ADDR": "198.51.100.7"}
SAID = {"lc": "http://shop.example.com/cart", "ip": "198.51.100.7", "user_agent": "Mozilla"}


@pytest.fixture(autouse=True)
def _client(monkeypatch):
    monkeypatch.setattr(tracking, "client", lambda: Client(conf.load(), None))


def test_a_request_is_the_context_of_its_view():
    seen = []
    middleware = ContextMiddleware(lambda request: seen.append(leadrelay.context.current()) or HttpResponse())
    assert middleware(RequestFactory().get("/cart", **FACTORY)).status_code == 200
    assert seen == [SAID]
    assert leadrelay.context.current() == {}


def test_an_asynchronous_view_too():
    async def view(request):
        await asyncio.sleep(0)
        return HttpResponse(str(leadrelay.context.current() == SAID))

    assert asyncio.run(ContextMiddleware(view)(RequestFactory().get("/cart", **FACTORY))).content == b"True"


def test_a_request_that_tracks_nothing_is_not_read(monkeypatch):
    monkeypatch.setattr(tracking, "client", None)
    assert ContextMiddleware(lambda _: HttpResponse())(RequestFactory().get("/")).status_code == 200


@pytest.mark.parametrize("waits", [False, True])
def test_a_request_takes_nothing_that_its_thread_or_connection_still_holds(waits):
    def view(request):
        leadrelay.context(plan="pro").__enter__()  # and is never left
        return HttpResponse(str(leadrelay.context.current() == {**SAID, "plan": "pro"}))

    async def later(request):
        return view(request)

    request = RequestFactory().get("/cart", **FACTORY)
    with leadrelay.context(userId="41", campaign="spring"):
        answer = asyncio.run(ContextMiddleware(later)(request)) if waits else ContextMiddleware(view)(request)
        assert answer.content == b"True"
        assert leadrelay.context.current() == {"userId": "41", "campaign": "spring"}


def test_a_thread_that_outlives_its_request_sees_nothing_of_the_next_in_the_same_environ():
    copies = []
    middleware = ContextMiddleware(lambda _: copies.append(contextvars.copy_context()) or HttpResponse())
    request = RequestFactory().get("/cart", **FACTORY)
    kept = request.META
    middleware(request)
    kept.clear()  # as uWSGI does
    assert copies[0].run(leadrelay.context.current) == SAID


def test_a_host_that_is_not_the_projects_is_left_out():
    seen = []
    middleware = ContextMiddleware(lambda request: seen.append(leadrelay.context.current()) or HttpResponse())
    middleware(RequestFactory().get("/cart", **FACTORY | {"HTTP_HOST": "evil.example.com"}))
    assert seen == [{name: SAID[name] for name in ("ip", "user_agent")}]


def test_the_project_says_who_it_is():
    seen = []
    with override_settings(LEADRELAY={**GOOD, "IDENTIFY": visitor}):
        middleware = ContextMiddleware(lambda request: seen.append(leadrelay.context.current()) or HttpResponse())
    middleware(RequestFactory().get("/cart", **FACTORY, HTTP_USER="42"))
    middleware(RequestFactory().get("/cart", **FACTORY))  # `visitor` raises
    assert seen == [{**SAID, "userId": "42"}, SAID]


def test_a_middleware_that_could_not_ask_fails_at_the_start():
    with override_settings(LEADRELAY={"IDENTIFY": "shop.nothing"}), pytest.raises(ConfigurationError):
        ContextMiddleware(lambda _: HttpResponse())
