from leadrelay_worker.taskevents import TaskEvents, joined

RECEIVED, STARTED = ("task-received", "a", 1.0, {"name": "n"}), ("task-started", "a", 2.0, {})
SUCCEEDED, RETRIED = ("task-succeeded", "a", 3.0, {"result": "ok"}), ("task-retried", "a", 3.0, {"exception": "busy"})


def test_what_began_and_ended_within_a_batch_is_one_event():
    fields = {"name": "n", "received": 1.0, "started": 2.0, "result": "ok"}
    assert list(joined([RECEIVED, STARTED, SUCCEEDED])) == [("task-succeeded", "a", 3.0, fields)]


def test_what_began_in_a_batch_before_has_its_end_alone():
    assert list(joined([SUCCEEDED])) == [SUCCEEDED]
    assert list(joined([STARTED, SUCCEEDED])) == [("task-succeeded", "a", 3.0, {"started": 2.0, "result": "ok"})]


def test_what_has_not_ended_is_told_as_it_is():
    assert list(joined([RECEIVED, STARTED])) == [RECEIVED, STARTED]
    again = ("task-received", "a", 4.0, {"name": "n"})
    first, second = joined([RECEIVED, RETRIED, again])
    assert (first[0], second) == ("task-retried", again)
    assert first[3] == {"name": "n", "received": 1.0, "exception": "busy"}


class Dispatcher:
    enabled = True

    def __init__(self) -> None:
        self.sent, self.batches = [], 0

    def send(self, kind, **fields) -> None:
        self.sent.append((kind, fields))

    def flush(self) -> None:
        self.batches += 1


class Loop:
    def call_repeatedly(self, *_) -> None:
        pass


def test_a_flush_sends_a_batch():
    events, dispatcher = TaskEvents(), Dispatcher()
    events.add("task-received", "lost")
    events.attach(dispatcher, Loop())
    events.add("task-received", "a", name="n")
    events.flush()
    events.flush()
    ((kind, fields),) = dispatcher.sent
    assert (kind, fields["uuid"], fields["name"], dispatcher.batches) == ("task-received", "a", "n", 1)
