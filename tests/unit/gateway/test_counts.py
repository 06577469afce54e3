from dataclasses import fields

from leadrelay.gateway.counts import Counts
from leadrelay.metrics.declared import GATEWAY


def test_every_count_is_told_as_it_is_declared():
    counts = Counts(**{field.name: number for number, field in enumerate(fields(Counts)) if field.name != "requests"})
    counts.requests.update({"200": 5, "cut": 1})
    told = [(name, value, labels) for name, value, labels in counts.told()]
    assert told[:2] == [
        ("leadrelay_gateway_requests_total", 5, ("200",)),
        ("leadrelay_gateway_requests_total", 1, ("cut",)),
    ]
    assert sorted(value for _, value, _ in told[2:]) == list(range(1, len(fields(Counts))))
    assert {name: len(labels) for name, _, labels in told} == {one.name: len(one.labels) for one in GATEWAY}
