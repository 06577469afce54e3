"""A Django project with one database, named by the environment: TEST_DATABASE is a URL."""

import os
from urllib.parse import urlsplit

INSTALLED_APPS = ["leadrelay.contrib.django"]
USE_TZ = True


def database(url: str) -> dict[str, object]:
    """Give the settings of a database, ``sqlite:///path`` or ``postgresql://user@host:port/name``."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": parts.path[1:], "OPTIONS": {"timeout": 60}}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username,
        "HOST": parts.hostname,
        "PORT": parts.port,
    }


if "TEST_DATABASE" in os.environ:
    DATABASES = {"default": database(os.environ["TEST_DATABASE"])}
