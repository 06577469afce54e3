import json

from leadrelay.ids import derived_eid, new_eid


def test_ids_are_version_7_and_never_numbers():
    for _ in range(2000):
        eid = new_eid()
        assert len(eid) == 32
        assert eid[12] == "7"
        assert eid[16] in "89ab"
        try:
            number = json.loads(eid)
        except ValueError:
            continue
        raise AssertionError(number)


def test_ids_differ_and_grow():
    ids = [new_eid() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [eid[:12] for eid in ids] == sorted(eid[:12] for eid in ids)


def test_derived_ids_are_stable_and_depend_on_every_part():
    assert derived_eid("a", b"b") == derived_eid("a", b"b")
    assert len({derived_eid("a", "bc"), derived_eid("ab", "c"), derived_eid("abc")}) == 3
