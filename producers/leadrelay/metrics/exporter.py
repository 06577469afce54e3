"""The exporter: what a scrape gets, for whoever has HTTP to mount it on.

prometheus-client renders it. It comes with the extras `worker` and `gateway`, so it is loaded only here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.errors import ConfigurationError, NotAccepted
from leadrelay.metrics.declared import QUEUE
from leadrelay.metrics.samples import Sample, samples, spool_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from leadrelay.metrics.declared import Metric
    from leadrelay.metrics.reading import Reader
    from leadrelay.metrics.spooled import Spool


class Exporter:
    """Renders the metrics of one queue, and those of this process if it counts any.

    Args:
        reader: Reads the queue.
        process: Further collectors of prometheus-client.
        spool: Gives what waits in this home's spool (`metrics.spooled`), None while that is not known.

    Raises:
        ConfigurationError: prometheus-client is not installed.
    """

    def __init__(self, reader: Reader, *process: Any, spool: Callable[[], Spool | None] | None = None) -> None:
        """See the class."""
        client = load()
        self._registry = client.CollectorRegistry(auto_describe=False)
        self._registry.register(_QueueCollector(reader, spool))
        for collector in process:
            self._registry.register(collector)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Give a scrape and its content type, as the Accept header wishes; that the broker is away is part of it."""
        encode, content_type = load().exposition.choose_encoder(accept)
        return encode(self._registry), content_type


class Counted:
    """What prometheus-client asks for metrics that a process counted.

    Args:
        table: Their declarations.
        found: Gives their samples.
    """

    def __init__(self, table: Iterable[Metric], found: Callable[[], Iterable[Sample]]) -> None:
        """See the class."""
        self._table, self._found = table, found

    def collect(self) -> Iterator[Any]:
        """Yield the families that have samples."""
        return _families(self._table, self._found())


class _QueueCollector:
    """What prometheus-client asks for the metrics of the queue."""

    def __init__(self, reader: Reader, spool: Callable[[], Spool | None] | None) -> None:
        self._reader, self._spool = reader, spool

    def collect(self) -> Iterator[Any]:
        """Yield the families that have samples, in the order of the table."""
        try:
            found = [*samples(self._reader.read())]
        except (NotAccepted, exceptions.RedisError):
            found = [Sample("leadrelay_up", 0)]
        spool = self._spool() if self._spool else None
        if spool:
            found += spool_samples(spool)
        yield from _families(QUEUE, found, queue=self._reader.queue.keys.namespace)


def load() -> Any:
    """Load prometheus-client; raises ConfigurationError when it is not installed."""
    try:
        import prometheus_client  # noqa: PLC0415 - an extra
        import prometheus_client.exposition  # noqa: PLC0415
    except ModuleNotFoundError:
        message = "metrics need prometheus-client: pip install 'leadrelay[worker]' or 'leadrelay[gateway]'"
        raise ConfigurationError(message) from None
    return prometheus_client


def _families(table: Iterable[Metric], found: Iterable[Sample], **first: str) -> Iterator[Any]:
    """Yield the families that have samples, in the order of the table; each sample gets the labels `first`."""
    from prometheus_client import core  # noqa: PLC0415 - an extra

    by_name: dict[str, list[Sample]] = {}
    for sample in found:
        by_name.setdefault(sample.name, []).append(sample)
    for metric in table:
        if metric.name not in by_name:
            continue
        make = core.CounterMetricFamily if metric.kind == "counter" else core.GaugeMetricFamily
        family = make(metric.name.removesuffix("_total"), metric.meaning, labels=(*first, *metric.labels))
        for sample in by_name[metric.name]:
            family.add_metric((*first.values(), *sample.labels), sample.value)
        yield family
