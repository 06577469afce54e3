"""Every value of every switch, over HTTP: what is seen of it."""

import pytest
import requests
from leadrelay_sandbox.switches import TABLE

EID = "e-42-abc"


def of_last(query, name):
    def seen(endpoint):
        endpoint.send(query)
        return endpoint.last()[name]

    return seen


def of_profile(*queries):
    def seen(endpoint):
        for query in queries:
            endpoint.send(f"uid=1&{query}")
        return endpoint.profile("1").get("plan"), endpoint.profile("1").get("städt")

    return seen


def missing_si(endpoint):
    answer = requests.get(f"{endpoint.url}/?ti=x&eid={EID}", timeout=5)
    return answer.status_code, answer.text == EID, endpoint.control("stats")["accepted"]


def unknown_si(endpoint):
    endpoint.set("datasets", {"datasets": ["mine"]})
    return endpoint.send("ti=x").status_code, endpoint.control("stats")["accepted"]


def duplicate_eid(endpoint):
    endpoint.send(f"eid={EID}&uid=1&plan=free")
    endpoint.send(f"eid={EID}&uid=1&plan=pro")
    return endpoint.control("counters")["total"]["events"], endpoint.profile("1")["plan"]


def proxy_presence(endpoint):
    return "".join(
        str(int(of_last(query, "proxy")(endpoint))) for query in ("proxy", "proxy=1", "proxy=true", "proxy=false")
    )


def unique_per(endpoint):
    for sid in ("s1", "s2"):
        endpoint.send(f"ti=x&uid=1&sid={sid}")
    return endpoint.control("counters")["titles"][0]["unique"]


def answer(query):
    return lambda endpoint: endpoint.send(f"eid={EID}&{query}").text


#: What is looked at, and what it is under each value.
CASES = {
    "missing_si": (missing_si, {"refuse": (400, False, 0), "discard": (200, True, 0)}),
    "unknown_si": (unknown_si, {"accept": (200, 1), "discard": (200, 0), "refuse": (400, 0)}),
    "duplicate_eid": (duplicate_eid, {"merge": (1, "pro"), "count": (2, "pro")}),
    "eid_form": (lambda endpoint: len(endpoint.send().text), {"hex": 32, "dotted": 23, "uuid": 36}),
    "new_uid": (of_last(f"eid={EID}&email=ANN@example.com", "uid"), {"identity": "ann@example.com", "eid": EID}),
    "user_id": (of_last(f"eid={EID}&userId=42", "uid"), {"identifies": "42", "property": EID}),
    "proxy_presence": (proxy_presence, {"not-false": "1110", "any": "1111", "true": "0010"}),
    "unique_per": (unique_per, {"user": 1, "session": 2}),
    "empty_value": (of_profile("plan=pro", "plan="), {"keep": ("pro", None), "overwrite": ("", None)}),
    "duplicate_keys": (of_profile("plan=free&plan=pro"), {"first": ("free", None), "last": ("pro", None)}),
    "charset": (of_profile("plan=Zo%EB"), {"iso-8859-1": ("Zoë", None), "replace": ("Zo\ufffd", None)}),
    "non_ascii_names": (of_profile("st%C3%A4dt=x"), {"keep": (None, None), "propagate": (None, "x")}),
    "t_ms": (
        lambda endpoint: of_last("t_ms=1606468777834", "at_ms")(endpoint) == 1606468777834,
        {"property": False, "honour": True},
    ),
    "answer_precedence": (answer("pix&json"), {"pix-first": None, "pix-last": f'{{"eid": "{EID}"}}'}),
    "callback_alone": (answer("callback=f"), {"jsonp": f'f({{"eid": "{EID}"}});', "text": EID}),
    "json_shape": (
        answer("json"),
        {"string": f'"{EID}"', **{name: f'{{"{name}": "{EID}"}}' for name in ("eid", "id", "event_id")}},
    ),
    "text_newline": (answer(""), {"none": EID, "newline": f"{EID}\n"}),
    "cors": (lambda endpoint: endpoint.send().headers.get("Access-Control-Allow-Origin"), {"none": None, "any": "*"}),
}


@pytest.mark.parametrize(("switch", "value"), [(switch.name, value) for switch in TABLE for value in switch.values])
def test_a_value_of_a_switch(endpoint, switch, value):
    seen, expected = CASES[switch]
    endpoint.set("switches", {"switches": {switch: value}})
    found = seen(endpoint)
    if expected[value] is None and isinstance(found, str):
        assert found.startswith("GIF89a")
    else:
        assert found == expected[value]
