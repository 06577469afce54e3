"""Django as the tests' own process uses it: configured once, alike for whichever test comes first."""

import django
from django.conf import settings

from tests.integration.transactions.django_settings import INSTALLED_APPS


def set_up() -> None:
    """Configure Django for this process, unless a test did before."""
    if not settings.configured:
        settings.configure(USE_TZ=True, USE_I18N=False, INSTALLED_APPS=INSTALLED_APPS)
        django.setup()
