"""Settings: declared once, here. Each is an environment variable `LEADRELAY_<NAME>`."""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from leadrelay import readers
from leadrelay.errors import ConfigurationError
from leadrelay.proxies import read_networks
from leadrelay.times import read_span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadrelay.proxies import Networks

    #: Sees the wire parameters of an event before it is handed over; gives those to send, or a `Drop`.
    Hook = Callable[[dict[str, str]], Any]

logger = logging.getLogger(__name__)

PREFIX = "LEADRELAY_"
#: Variables that other parts read themselves.
_ELSEWHERE = {"LEADRELAY_FAILPOINT"}


@dataclass(frozen=True)
class Setting:
    """One setting: how its text is read, its default, and what it means."""

    name: str
    read: Callable[[str], Any]
    default: Any
    meaning: str


#: What may become of tracked events.
MODES = ("live", "inline", "log", "fake", "off")

#: What a worker refuses to start on unless `allow` names it.
REFUSALS = ("eviction", "replica", "cluster")

TABLE: tuple[Setting, ...] = (
    Setting(
        "broker_url",
        readers.url("redis", "rediss"),
        None,
        "Redis or Valkey 7+, `redis://…`; unset: one embedded broker per home",
    ),
    Setting("dataset_id", str, None, "`si` of events that name none"),
    Setting(
        "gateway_secret",
        readers.header_value,
        None,
        "what requests to the gateway must carry, in printable ASCII; unset: nothing",
    ),
    Setting("destination_url", readers.url("http", "https"), "https://log.leadboxer.com", "the Track API"),
    Setting("namespace", str, "leadrelay", "prefix of every key; also the inbox of plain Celery producers"),
    Setting("mode", readers.one_of(*MODES), "live", "what becomes of tracked events: `live` queues them"),
    Setting("home", Path, Path("~/.leadrelay"), "folder of the spool, embedded broker, witness, history and journals"),
    Setting("timeout_ms", readers.positive, 50, "ms that one `track_event` may take when the broker is slow or away"),
    Setting(
        "strict", readers.boolean, None, "raise for a wrong event; unset: under pytest and in Python's development mode"
    ),
    Setting("before_track", str, None, "`module:function` that sees each event first and may change or drop it"),
    Setting(
        "default_properties", readers.json_object, {}, "JSON object of wire parameters for events that do not name them"
    ),
    Setting("allowed_datasets", readers.names, frozenset(), "`si` that events may have; unset: any"),
    Setting("capture_ip", readers.boolean, default=True, meaning="whether context of a request may fill in `ip`"),
    Setting("trusted_proxies", read_networks, (), "addresses of proxies whose X-Forwarded-For is believed"),
    Setting("spool_fsync", readers.one_of("everysec", "always"), "everysec", "when the spool is forced to the disk"),
    Setting("spool_max_bytes", readers.positive, 1_000_000_000, "bytes that the spool of one home may have"),
    Setting(
        "spool_full",
        readers.one_of("lose", "raise"),
        "lose",
        "an event that a full spool cannot take: count it, or raise",
    ),
    Setting("lanes", readers.boolean, default=True, meaning="deliver the events of one user in order"),
    Setting("lane_secret", str, "", "key of the hash that stands for a user in the queue; same for all producers"),
    Setting(
        "lane_patience",
        readers.span_or_off,
        900,
        "how long an event that fails while others succeed keeps its user's next ones waiting; `off`: without end",
    ),
    Setting(
        "lane_placeholders",
        readers.lower_names,
        frozenset(),
        "more ids and addresses that name nobody, with commas between; same for all producers",
    ),
    Setting("proxy", readers.one_of("auto", "true", "false"), "auto", "whether events count as the visitor's own"),
    Setting("method", readers.one_of("POST", "GET"), "POST", "how events are sent"),
    Setting("concurrency", readers.positive, 32, "attempts at a time in one worker"),
    Setting("max_rate", readers.rate, None, "events a second over all workers, at most; unset: no ceiling"),
    Setting(
        "probe_s", readers.rate, 5.0, "seconds that an open breaker waits before its first probe; doubles with each"
    ),
    Setting("probe_max_s", readers.rate, 300.0, "the longest of these waits, in seconds"),
    Setting("pool", readers.one_of("threads", "prefork"), "threads", "how a worker runs them"),
    Setting(
        "pin",
        readers.boolean,
        default=True,
        meaning="keep a threaded worker on one core (40% less CPU: threads then hand over cheaply)",
    ),
    Setting(
        "http",
        readers.address,
        None,
        "`HOST:PORT` where a worker answers /metrics, /healthz and /readyz; unset: nowhere",
    ),
    Setting(
        "on_time_s", readers.positive, 60, "seconds from acceptance to delivery that are on time; same for all workers"
    ),
    Setting("report_days", readers.positive, 31, "days for which reports go back"),
    Setting(
        "history", readers.boolean, default=True, meaning="workers keep a line for each event that ended, for `trace`"
    ),
    Setting("history_days", readers.positive, 31, "days for which the history is kept"),
    Setting("history_mb", readers.positive, 500, "MB that the history of one home may have"),
    Setting("dead_max_age", read_span, None, "drop dead letters that are older, e.g. 90d; unset: keep them"),
    Setting("dead_max", readers.positive, None, "drop the oldest dead letters beyond so many; unset: keep all"),
    Setting(
        "api_key",
        readers.header_value,
        None,
        "key of LeadBoxer's lead API, for `doctor --send` to read its event back",
    ),
    Setting("api_email", str, None, "address of the LeadBoxer login that the lead API asks for"),
    Setting("api_url", readers.url("http", "https"), "https://api.leadboxer.com", "LeadBoxer's lead API"),
    Setting("outbox_url", str, None, "database of the outbox that `leadrelay outbox` relays"),
    Setting(
        "monitor_hosts",
        readers.lower_names,
        frozenset(),
        "host names, with commas, under which the monitor answers without a login of its own, because something in "
        "front of it asks for one; unset: the names of this machine alone",
    ),
    Setting(
        "allow",
        readers.several_of(*REFUSALS),
        frozenset(),
        f"brokers on which a worker starts all the same: {', '.join(REFUSALS)}",
    ),
)


@dataclass(frozen=True, repr=False)
class Settings:
    """The settings of one process; fields as in `TABLE`."""

    broker_url: str | None = None
    dataset_id: str | None = None
    gateway_secret: str | None = None
    destination_url: str = "https://log.leadboxer.com"
    namespace: str = "leadrelay"
    mode: str = "live"
    home: Path = Path("~/.leadrelay")
    timeout_ms: int = 50
    strict: bool | None = None
    before_track: str | Hook | None = None
    default_properties: Mapping[str, Any] = field(default_factory=dict)
    allowed_datasets: frozenset[str] = frozenset()
    capture_ip: bool = True
    trusted_proxies: Networks = ()
    spool_fsync: str = "everysec"
    spool_max_bytes: int = 1_000_000_000
    spool_full: str = "lose"
    lanes: bool = True
    lane_secret: str = ""
    lane_patience: int | None = 900
    lane_placeholders: frozenset[str] = frozenset()
    proxy: str = "auto"
    method: str = "POST"
    concurrency: int = 32
    max_rate: float | None = None
    probe_s: float = 5.0
    probe_max_s: float = 300.0
    pool: str = "threads"
    pin: bool = True
    http: tuple[str, int] | None = None
    on_time_s: int = 60
    report_days: int = 31
    history: bool = True
    history_days: int = 31
    history_mb: int = 500
    dead_max_age: int | None = None
    dead_max: int | None = None
    api_key: str | None = None
    api_email: str | None = None
    api_url: str = "https://api.leadboxer.com"
    outbox_url: str | None = None
    monitor_hosts: frozenset[str] = frozenset()
    allow: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Let the home be one place, wherever the process goes later, and `~` the user's."""
        object.__setattr__(self, "home", _expanded(Path(self.home)).absolute())

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, *, lenient: bool = False) -> Settings:
        """Read the environment; `LEADRELAY_X_FILE` names a file with the value of X.

        Args:
            environ: Default this process's.
            lenient: Take the default for a value that cannot be read.

        Raises:
            ConfigurationError: A value cannot be read; names the variable, not the value.
        """
        environ = os.environ if environ is None else environ
        read = _read_or_default if lenient else _read
        values = {setting.name: read(setting, environ) for setting in TABLE}
        _warn_of_unknown(environ)
        return cls(**values)

    def label(self) -> str:
        """Name the namespace and broker, for files in the home; holds no password."""
        namespace = quote(self.namespace, safe="")
        if not self.broker_url:
            return f"{namespace}-embedded"
        parts = urlsplit(self.broker_url)
        place = f"{parts.hostname}:{parts.port}{parts.path}"
        return f"{namespace}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"

    def broker_shown(self) -> str:
        """Say for people which broker is meant, and by which setting; holds no password."""
        if not self.broker_url:
            return f"the embedded broker of {self.home}"
        parts = urlsplit(self.broker_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        return f"LEADRELAY_BROKER_URL ({parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path})"

    def __repr__(self) -> str:
        """Show names only: values hold passwords."""
        return f"Settings({', '.join(field.name for field in fields(self))})"


def _expanded(home: Path) -> Path:
    try:
        return home.expanduser()
    except RuntimeError:  # a user id that has no home, as in a container: where Docker puts it
        return Path("/", *home.parts[1:])


def _read_or_default(setting: Setting, environ: Mapping[str, str]) -> Any:
    try:
        return _read(setting, environ)
    except ConfigurationError:
        return setting.default


def _read(setting: Setting, environ: Mapping[str, str]) -> Any:
    variable = PREFIX + setting.name.upper()
    text = environ.get(variable)
    file = environ.get(f"{variable}_FILE")
    if text is None and file:
        try:
            text = Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            message = f"{variable}_FILE: cannot read it ({why}): name a readable file"
            raise ConfigurationError(message) from None
    if text is None or text == "":
        return setting.default
    try:
        text.encode()  # a variable may hold any bytes
        return setting.read(text)
    except (ValueError, KeyError) as error:
        known = f"one of {error.allowed}: " if isinstance(error, readers.NotAmong) else ""
        message = f"{variable}: not a usable value. It is: {known}{setting.meaning}"
        raise ConfigurationError(message) from None


def _warn_of_unknown(environ: Mapping[str, str]) -> None:
    known = {PREFIX + setting.name.upper() for setting in TABLE} | _ELSEWHERE
    known |= {f"{name}_FILE" for name in known}
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            logger.warning("%s is not a setting%s", name, f"; did you mean {near[0]}?" if near else "")
