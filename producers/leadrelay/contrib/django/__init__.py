"""Django: add `leadrelay.contrib.django` to `INSTALLED_APPS`."""
