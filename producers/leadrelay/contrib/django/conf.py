"""The project's `LEADRELAY = {…}`: leadrelay's settings under their own names, and what only Django knows.

Values are Python's; a name is that of the environment variable without `LEADRELAY_`. A variable of the environment
wins, so that what operators set holds for the project as it does for workers and the command line.
"""

from __future__ import annotations

import difflib
import json
import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from leadrelay import tracking
from leadrelay.errors import ConfigurationError
from leadrelay.settings import PREFIX, TABLE, Settings

logger = logging.getLogger(__name__)

#: Names of settings of leadrelay, as `LEADRELAY` has them.
NAMES = tuple(setting.name.upper() for setting in TABLE)
#: A function, or where it is (`shop.tracking.identify`): takes the request and gives who the visitor is, in wire
#: parameters, like ``{"userId": "42"}``.
IDENTIFY = "IDENTIFY"


def given() -> dict[str, Any]:
    """Give `LEADRELAY` of the project.

    Raises:
        ConfigurationError: It is no dict.
    """
    value = getattr(settings, "LEADRELAY", {})
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"LEADRELAY: expected a dict of settings, not a {type(value).__name__}")
    return dict(value)


def unknown() -> dict[str, str]:
    """Give names in `LEADRELAY` that are no settings, each with the one that is probably meant, or ``""``."""
    names = [str(name) for name in given() if name not in {*NAMES, IDENTIFY}]
    return {name: _meant(name) for name in names}


def _meant(name: str) -> str:
    bare = name.upper().removeprefix(PREFIX)
    return next(iter(difflib.get_close_matches(bare, [*NAMES, IDENTIFY], 1)), "")


def environment() -> dict[str, str]:
    """Give the settings as variables of an environment, those that the environment itself does not have."""
    found = {}
    for name, value in given().items():
        variable = f"{PREFIX}{name}"
        if name in NAMES and value is not None and not {variable, f"{variable}_FILE"} & os.environ.keys():
            found[variable] = _text(value)
    return found


def load() -> Settings:
    """Give the settings that hold for this project.

    Raises:
        ConfigurationError: One is wrong; names it.
    """
    return Settings.load({**environment(), **os.environ})


def apply() -> None:
    """Let the project's settings be those of this process; what is wrong is logged, and said by `manage.py check`."""
    names: dict[str, str] = {}
    try:
        names = environment()
        loaded = load()
    except ConfigurationError as error:
        logger.error("%s; its default is used", error)  # noqa: TRY400 - a user's mistake has no traceback
        loaded = Settings.load({**names, **os.environ}, lenient=True)
    fields = [name.removeprefix(PREFIX).lower() for name in names]
    tracking.configure(**{field: getattr(loaded, field) for field in fields})


def identify() -> Callable[..., Mapping[str, Any]] | None:
    """Give the project's function that says who a visitor is, None when it has none.

    Raises:
        ConfigurationError: There is no such function.
    """
    value = given().get(IDENTIFY)
    try:
        found = import_string(value) if isinstance(value, str) else value
    except ImportError:
        raise ConfigurationError(f"LEADRELAY[{IDENTIFY!r}]: cannot import it; name a function by its path") from None
    if found is not None and not callable(found):
        raise ConfigurationError(f"LEADRELAY[{IDENTIFY!r}]: expected a function of the request, or its path")
    return found


def _text(value: Any) -> str:
    """Write a value as the environment has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return json.dumps(value)
    if callable(value):
        return f"{value.__module__}:{value.__qualname__}"
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(str(part) for part in value)
    return str(value)
