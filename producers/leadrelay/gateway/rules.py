"""Who may send what through this gateway; pure."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from leadrelay.errors import ConfigurationError
from leadrelay.proxies import is_loopback
from leadrelay.serving.asgi import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from leadrelay.proxies import Networks
    from leadrelay.settings import Settings

#: Where a request may carry the secret.
SECRET_HEADER, SECRET_PARAMETER = b"leadrelay-secret", "leadrelay_secret"


@dataclass(frozen=True, slots=True, repr=False)
class Rules:
    """The rules of one gateway.

    Args:
        datasets: Which it takes; none: all.
        secret: What a request must carry, ``""`` for nothing.
        proxy: `auto`, `true` or `false`, for events that have no `proxy`.
        trusted: Proxies that are believed when they name a visitor.
        capture_ip: Whether a visitor's address becomes `ip` of an event that has none.
    """

    datasets: frozenset[str]
    secret: str
    proxy: str
    trusted: Networks
    capture_ip: bool = True

    @classmethod
    def of(cls, settings: Settings, *, any_dataset: bool = False) -> Rules:
        """Take them from the settings.

        Args:
            settings: This process's.
            any_dataset: Take events of every dataset.

        Raises:
            ConfigurationError: There is no dataset that it could take, or no event would be safe in this mode.
        """
        if settings.mode != "live":
            raise ConfigurationError(
                f"LEADRELAY_MODE={settings.mode}: a gateway answers with an id once the event is safe, which it is in "
                "the mode `live` alone"
            )
        datasets = settings.allowed_datasets | ({settings.dataset_id} if settings.dataset_id else set())
        if any_dataset:
            datasets = frozenset()
        elif not datasets:
            raise ConfigurationError(
                "which datasets may come through the gateway? Set LEADRELAY_DATASET_ID or LEADRELAY_ALLOWED_DATASETS, "
                "or pass --any-dataset"
            )
        secret = settings.gateway_secret or ""
        return cls(datasets, secret, settings.proxy, settings.trusted_proxies, settings.capture_ip)

    def check_secret(self, header: bytes, params: Mapping[str, str]) -> None:
        """Look for the secret in a header or parameter; raises Refused."""
        given = header or params.get(SECRET_PARAMETER, "").encode()
        if self.secret and not hmac.compare_digest(given, self.secret.encode()):
            raise Refused(401, f"this gateway wants its secret: header {SECRET_HEADER.decode()}")

    def check_dataset(self, si: str) -> None:
        """Look at a dataset; raises Refused."""
        if not si.strip():
            raise Refused(400, "si: no dataset id")
        if self.datasets and si not in self.datasets:
            raise Refused(400, "si: not a dataset of this gateway; see LEADRELAY_ALLOWED_DATASETS")


def check_host(host: str, rules: Rules, *, open_to_all: bool) -> None:
    """Refuse to be reached from other machines by accident.

    Raises:
        ConfigurationError: The address is not this machine's own, and neither a secret nor `--open` says that it is
            meant.
    """
    if rules.secret or open_to_all or is_loopback(host):
        return
    message = (
        f"{host} can be reached from other machines: set LEADRELAY_GATEWAY_SECRET, or pass --open to take events from "
        "everybody (browsers, for example)"
    )
    raise ConfigurationError(message)
