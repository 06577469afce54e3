from dataclasses import fields

from leadrelay.gateway.counts import Counts, exposition


def test_every_count_is_told():
    counts = Counts(**{field.name: number for number, field in enumerate(fields(Counts)) if field.name != "requests"})
    counts.requests.update({"200": 5, "cut": 1})
    lines = exposition(counts).decode().splitlines()
    samples = dict(line.rpartition(" ")[::2] for line in lines if not line.startswith("#"))
    assert samples.pop('leadrelay_gateway_requests_total{status="200"}') == "5"
    assert samples.pop('leadrelay_gateway_requests_total{status="cut"}') == "1"
    assert sorted(map(int, samples.values())) == list(range(1, len(fields(Counts))))
    assert all(name.startswith("leadrelay_gateway_") for name in samples)
    assert len([line for line in lines if line.startswith("# TYPE")]) == len(samples) + 1
