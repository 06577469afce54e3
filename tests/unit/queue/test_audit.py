from leadrelay.queue.audit import Act, of_letter


def _act(act, detail):
    return Act(0, "ann", act, 1, detail)


def test_an_act_concerns_the_letter_that_it_names():
    assert _act("edit", "17").concerns(17)
    assert _act("replay", of_letter(17)).concerns(17)
    assert _act("drop", f"{of_letter(17)}: a test: of 18").concerns(17)


def test_and_no_other():
    assert not _act("edit", "17").concerns(1)
    assert not _act("replay", of_letter(170)).concerns(17)
    assert not _act("drop", "17").concerns(17)
    assert not _act("replay", "reason=refused").concerns(17)
