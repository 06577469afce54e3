"""The exporter: what a scrape gets, for whoever has HTTP to mount it on.

prometheus-client renders it. It comes with the extra `worker`, so it is loaded only here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis import exceptions

from leadrelay.errors import ConfigurationError, NotAccepted
from leadrelay.metrics.declared import QUEUE
from leadrelay.metrics.samples import Sample, samples, spool_samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from leadrelay.metrics.declared import Metric
    from leadrelay.metrics.reading import Reader

    Spool = Mapping[str, float | None]


class Exporter:
    """Renders the metrics of one queue, and those of this process if it counts any.

    Args:
        reader: Reads the queue.
        process: Further collectors of prometheus-client.
        spool: Gives what `status --json` has under ``spool``, for a home that has one.

    Raises:
        ConfigurationError: prometheus-client is not installed.
    """

    def __init__(self, reader: Reader, *process: Any, spool: Callable[[], Spool] | None = None) -> None:
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


class _QueueCollector:
    """What prometheus-client asks for the metrics of the queue."""

    def __init__(self, reader: Reader, spool: Callable[[], Spool] | None) -> None:
        self._reader, self._spool = reader, spool

    def collect(self) -> Iterator[Any]:
        """Yield the families that have samples, in the order of the table."""
        try:
            found = [*samples(self._reader.read())]
        except (NotAccepted, exceptions.RedisError):
            found = [Sample("leadrelay_up", 0)]
        if self._spool:
            found += spool_samples(self._spool())
        by_name: dict[str, list[Sample]] = {}
        for sample in found:
            by_name.setdefault(sample.name, []).append(sample)
        for metric in QUEUE:
            if metric.name in by_name:
                yield _family(metric, self._reader.queue.keys.namespace, by_name[metric.name])


def load() -> Any:
    """Load prometheus-client; raises ConfigurationError when it is not installed."""
    try:
        import prometheus_client  # noqa: PLC0415 - an extra
        import prometheus_client.exposition  # noqa: PLC0415
    except ModuleNotFoundError:
        message = "metrics need prometheus-client: pip install 'leadrelay[worker]'"
        raise ConfigurationError(message) from None
    return prometheus_client


def _family(metric: Metric, queue: str, found: Iterable[Sample]) -> Any:
    from prometheus_client import core  # noqa: PLC0415 - an extra

    make = core.CounterMetricFamily if metric.kind == "counter" else core.GaugeMetricFamily
    family = make(metric.name.removesuffix("_total"), metric.meaning, labels=("queue", *metric.labels))
    for sample in found:
        family.add_metric((queue, *sample.labels), sample.value)
    return family
