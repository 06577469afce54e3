"""Metrics: declared once (`declared`), read from the broker at most once a second (`reading`), rendered for Prometheus.

What the queue holds is read when somebody asks; what only one worker knows (how long its attempts took) is counted in
that worker. One `Exporter` renders both, mounted wherever there is HTTP: `serve`, a worker, a gateway, a monitor.
"""

from leadrelay.metrics.declared import TABLE, Metric
from leadrelay.metrics.exporter import Exporter
from leadrelay.metrics.reading import Reader, Reading

__all__ = ["TABLE", "Exporter", "Metric", "Reader", "Reading"]
