from typing import ClassVar

import pytest
from leadrelay_sandbox.identity import Owner, session_of, user_of
from leadrelay_sandbox.switches import DEFAULTS

OTUI = {"otui": "99.1606468777834.3.4.1.7"}


class Known:
    """Ann has the userId 42 and an address, Ben only an address."""

    owners: ClassVar = {"ann@example.com": Owner("u-ann", "42"), "ben@example.com": Owner("u-ben", "")}

    def user_with_id(self, si, user_id):
        return "u-ann" if (si, user_id) == ("d", "42") else None

    def owner_of(self, si, email):
        return self.owners.get(email) if si == "d" else None


def whose(**params):
    switches = {name: params.pop(name) for name in list(params) if name in DEFAULTS}
    return user_of({"si": "d", **params}, "e1", Known(), {**DEFAULTS, **switches})


@pytest.mark.parametrize(
    ("params", "uid"),
    [
        ({"uid": "7", **OTUI, "userId": "42"}, "7"),
        ({**OTUI, "userId": "42"}, "1606468777834.99"),
        ({"otui": "nonsense", "userId": "42"}, "u-ann"),
        ({"userId": "42", "email": "ben@example.com"}, "u-ann"),
        ({"userId": "43"}, "43"),
        ({"userId": "43", "email": "ben@example.com"}, "u-ben"),
        ({"userId": "43", "email": "ann@example.com"}, "43"),
        ({"email": " Ann@Example.COM "}, "u-ann"),
        ({"email": " New@Example.COM "}, "new@example.com"),
        ({"email": "  "}, "e1"),
        ({"uid": "", "userId": "", "email": ""}, "e1"),
        ({}, "e1"),
        ({"si": "other", "email": "ann@example.com"}, "ann@example.com"),
        ({"userId": "43", "new_uid": "eid"}, "e1"),
        ({"email": "new@example.com", "new_uid": "eid"}, "e1"),
        ({"email": "ann@example.com", "new_uid": "eid"}, "u-ann"),
        ({"userId": "42", "user_id": "property"}, "e1"),
        ({"userId": "42", "email": "ben@example.com", "user_id": "property"}, "u-ben"),
    ],
)
def test_the_order_of_identity(params, uid):
    assert whose(**params)[0] == uid


@pytest.mark.parametrize(
    "params",
    [
        {"uid": "7", "email": "ann@example.com"},
        {"userId": "42", "email": "ben@example.com"},
        {"userId": "43", "email": "ann@example.com"},
    ],
)
def test_the_address_of_another_user_is_told(params):
    warnings = whose(**params)[1]
    assert len(warnings) == 1
    assert warnings[0].startswith("not documented: email: the address of another user")
    assert "@" not in warnings[0]


@pytest.mark.parametrize("params", [{"uid": "u-ann", "email": "ann@example.com"}, {"email": "ben@example.com"}, {}])
def test_nothing_to_tell(params):
    assert whose(**params)[1] == ()


@pytest.mark.parametrize(
    ("params", "sid"),
    [
        ({"sid": "s1", "ots": "1.1606468777835.1.1", **OTUI}, "s1"),
        ({"ots": "1.1606468777835.1.1", **OTUI}, "1606468777835.99"),
        ({"ots": "1.1606468777835.1.1"}, "e1"),
        ({"sid": ""}, "e1"),
    ],
)
def test_the_session(params, sid):
    assert session_of(params, "e1") == sid
