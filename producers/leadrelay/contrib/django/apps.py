"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from leadrelay.contrib.django import checks, conf


class LeadrelayConfig(AppConfig):
    """`leadrelay.contrib.django` in `INSTALLED_APPS`; its label is `leadrelay`."""

    name = "leadrelay.contrib.django"
    label = "leadrelay"
    verbose_name = "LeadRelay"

    def ready(self) -> None:
        """Let the project's settings be leadrelay's."""
        conf.apply()
        register(checks.check_settings)
        register(checks.check_middleware)
        register(checks.check_broker, deploy=True)
