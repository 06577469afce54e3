import re

import pytest
from leadrelay_sandbox.eids import make_eid


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("hex", r"[0-9a-f]{32}"),
        ("dotted", r"1783024862163\.\d{9}"),
        ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ],
)
def test_forms(form, pattern):
    made = {make_eid(form, 1783024862163) for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(pattern, eid) for eid in made)
