"""What `manage.py check` says of the project's use of leadrelay."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name

from leadrelay.contrib.django import conf
from leadrelay.errors import ConfigurationError

MIDDLEWARE = "leadrelay.contrib.django.middleware.ContextMiddleware"


def check_settings(**_: Any) -> list[CheckMessage]:
    """Say what is wrong with `LEADRELAY` and the environment: a value, a name, no dataset."""
    try:
        found: list[CheckMessage] = [_unknown(name, meant) for name, meant in conf.unknown().items()]
        conf.identify()
        loaded = conf.load()
    except ConfigurationError as error:
        return [Error(str(error), id="leadrelay.E001")]
    if not loaded.dataset_id:
        hint = 'Set LEADRELAY = {"DATASET_ID": …} or LEADRELAY_DATASET_ID, unless every call passes si=.'
        found.append(Warning("No dataset id: events that name none are invalid.", hint=hint, id="leadrelay.W001"))
    if _behind_proxy() and not loaded.trusted_proxies:
        said = "Django is told of a proxy, leadrelay is not: it takes the proxy's address for every visitor's."
        hint = 'Name the proxies: LEADRELAY = {"TRUSTED_PROXIES": "10.0.0.0/8"}.'
        found.append(Warning(said, hint=hint, id="leadrelay.W005"))
    return found


def check_middleware(**_: Any) -> list[CheckMessage]:
    """Say whether the middleware is there, once, and before those of the project that may track events."""
    found = [place for place, name in enumerate(settings.MIDDLEWARE) if name == MIDDLEWARE]
    if not found:
        said = "The middleware is missing: events take nothing from requests, and do not count as the visitor's."
        return [Warning(said, hint=f'Add "{MIDDLEWARE}" to MIDDLEWARE.', id="leadrelay.W003")]
    project = settings.ROOT_URLCONF.partition(".")[0]
    late = [name for name in settings.MIDDLEWARE[: found[0]] if name.partition(".")[0] == project]
    if late:
        said = f"The middleware stands behind {', '.join(late)}: events tracked there take nothing from requests."
        return [Warning(said, hint="Move it up.", id="leadrelay.W004")]
    return []


def check_broker(**_: Any) -> list[CheckMessage]:
    """Say, before a deployment, that events have nowhere to go but this machine."""
    try:
        loaded = conf.load()
    except ConfigurationError:
        return []  # said by check_settings
    if loaded.broker_url or loaded.mode != "live":
        return []
    said = "No broker is set: only an embedded one on this machine is looked for."
    return [Warning(said, hint='Set LEADRELAY = {"BROKER_URL": "redis://…"}.', id="leadrelay.W006")]


def _unknown(name: str, meant: str) -> CheckMessage:
    hint = f"Did you mean {meant}?" if meant else f"There are: {', '.join([*conf.NAMES, conf.IDENTIFY])}."
    return Warning(f"LEADRELAY[{name!r}] is not a setting.", hint=hint, id="leadrelay.W002")


def _behind_proxy() -> bool:
    return bool(settings.SECURE_PROXY_SSL_HEADER or settings.USE_X_FORWARDED_HOST)
