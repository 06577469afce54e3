import json

from leadrelay.witness import Witness


def test_it_remembers_the_highest(tmp_path):
    witness = Witness(tmp_path, "t")
    witness.observe(100, 5, witness.highest(), new=1)
    witness.observe(100, 4, (100, 3, 0), new=1)
    witness.flush()
    assert Witness(tmp_path, "t").highest()[:2] == (100, 5)
    assert not witness.rewinds()


def test_a_lower_number_than_was_known_before_the_call_is_a_rewind(tmp_path):
    witness = Witness(tmp_path, "t")
    witness.observe(100, 50, witness.highest(), new=1)
    witness.observe(100, 40, witness.highest(), new=1)
    (rewind,) = Witness(tmp_path, "t").rewinds()
    assert (rewind["seen_seq"], rewind["seq"]) == (50, 39), "what was at 40 before is lost too"


def test_of_many_new_numbers_all_count_as_given_again(tmp_path):
    witness = Witness(tmp_path, "t")
    witness.observe(100, 50, witness.highest(), new=1)
    witness.observe(100, 60, witness.highest(), new=20)
    (rewind,) = Witness(tmp_path, "t").rewinds()
    assert (rewind["seen_seq"], rewind["seq"]) == (50, 40)
    witness.observe(100, 80, witness.highest(), new=20)
    assert len(Witness(tmp_path, "t").rewinds()) == 1


def test_a_rewind_begins_where_another_process_saw_the_broker_last(tmp_path):
    ahead, behind = Witness(tmp_path, "t"), Witness(tmp_path, "t")
    behind.observe(100, 50, (0, 0, 0), new=1)
    ahead.observe(100, 90, (0, 0, 0), new=1)
    behind.observe(100, 41, behind.highest(), new=1)
    (rewind,) = Witness(tmp_path, "t").rewinds()
    assert (rewind["seen_seq"], rewind["seq"]) == (90, 40)


def test_another_epoch_is_a_rewind(tmp_path):
    witness = Witness(tmp_path, "t")
    witness.observe(100, 50, witness.highest(), new=1)
    witness.observe(200, 1, witness.highest(), new=1)
    assert len(witness.rewinds()) == 1


def test_the_same_position_is_one_only_for_a_new_event(tmp_path):
    witness = Witness(tmp_path, "t")
    witness.observe(100, 50, witness.highest())
    witness.observe(100, 50, witness.highest())
    assert not witness.rewinds()
    witness.observe(100, 50, witness.highest(), new=1)
    assert len(witness.rewinds()) == 1


def test_processes_share_the_file_and_the_higher_wins(tmp_path):
    first, second = Witness(tmp_path, "t"), Witness(tmp_path, "t")
    first.observe(100, 9, (0, 0, 0), new=1)
    second.observe(100, 3, (0, 0, 0), new=1)
    assert first.stored()[:2] == (100, 9)


def test_an_unwritable_home_is_told_and_does_not_raise(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    Witness(tmp_path / "file" / "home", "t").observe(100, 1, (0, 0, 0), new=1)
    assert "cannot be written" in caplog.text


def test_a_damaged_file_is_as_none(tmp_path):
    (tmp_path / "witness-t.json").write_text(json.dumps({"highest": "x"}))
    assert Witness(tmp_path, "t").highest() == (0, 0, 0)
