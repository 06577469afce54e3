"""The Django application."""

from django.apps import AppConfig


class LeadrelayConfig(AppConfig):
    """`leadrelay.contrib.django` in `INSTALLED_APPS`; its label is `leadrelay`."""

    name = "leadrelay.contrib.django"
    label = "leadrelay"
    verbose_name = "LeadRelay"
