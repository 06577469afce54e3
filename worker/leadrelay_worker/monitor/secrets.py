"""Flower's secrets out of files, as leadrelay's own: so they stand in no list of processes and no environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from leadrelay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import MutableMapping

#: Variables of Flower that hold secrets; each may end in `_FILE`.
SECRETS = ("FLOWER_BASIC_AUTH", "FLOWER_OAUTH2_KEY", "FLOWER_OAUTH2_SECRET", "FLOWER_COOKIE_SECRET")


def read_secrets(environ: MutableMapping[str, str]) -> None:
    """Set what files hold, and leave out what is empty: Flower takes an empty login for a login.

    Args:
        environ: Changed in place.

    Raises:
        ConfigurationError: A file cannot be read; names the variable.
    """
    for name in SECRETS:
        file = environ.get(f"{name}_FILE")
        if file and not environ.get(name):
            try:
                environ[name] = Path(file).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                message = f"{name}_FILE: cannot read it ({type(error).__name__}): name a readable file"
                raise ConfigurationError(message) from None
        if not environ.get(name, "set"):
            del environ[name]
