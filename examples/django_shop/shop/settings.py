"""Settings of the project; `LEADRELAY` and the middleware are what leadrelay needs of it."""

import os

SECRET_KEY = os.environ.get("SECRET_KEY", "only for this example")
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "shop.example.com"]
ROOT_URLCONF = "shop.urls"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
USE_TZ = True

INSTALLED_APPS = ["leadrelay.contrib.django"]
MIDDLEWARE = [
    "leadrelay.contrib.django.middleware.ContextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
]

# LEADRELAY_BROKER_URL and the like in the environment win.
LEADRELAY = {
    "DATASET_ID": "0123456789abcdef0123456789abcdef",
    "TRUSTED_PROXIES": ["127.0.0.1"],
    "IDENTIFY": "shop.tracking.visitor",
}
