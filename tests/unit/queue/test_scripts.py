import pytest
from leadrelay.errors import BrokerFull, BrokerUnavailable, EnqueueTooLate, SchemaTooNew
from leadrelay.queue.scripts import translate
from redis import exceptions


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (exceptions.ConnectionError("reset"), BrokerUnavailable, "ConnectionError"),
        (exceptions.TimeoutError(), BrokerUnavailable, "TimeoutError"),
        (exceptions.BusyLoadingError("LOADING"), BrokerUnavailable, "BusyLoading"),
        (exceptions.ReadOnlyError("a replica"), BrokerUnavailable, "ReadOnly"),
        (exceptions.MasterDownError("no master"), BrokerUnavailable, "MasterDown"),
        (exceptions.ConnectionError("Error 111 connecting to b:1. Refused."), BrokerUnavailable, "to b:1. Refused)"),
        (exceptions.AuthenticationError("invalid"), BrokerUnavailable, "password of its URL"),
        (exceptions.InvalidResponse("HTTP/1.1 400"), BrokerUnavailable, "no Redis"),
        (exceptions.ResponseError("DB index is out of range"), BrokerUnavailable, "no database of the number"),
        (
            exceptions.ResponseError("Error compiling script: user_script:1: unexpected symbol near '#'"),
            BrokerUnavailable,
            "too old",
        ),
        (exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space left"), BrokerUnavailable, "disk"),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."), BrokerUnavailable, "replicas"),
        (exceptions.ResponseError("BUSY Redis is busy running a script"), BrokerUnavailable, "script"),
        (exceptions.ResponseError("OOM command not allowed"), BrokerFull, "memory"),
        (exceptions.ResponseError("LEADRELAY_FULL"), BrokerFull, "memory"),
        (exceptions.ResponseError("LEADRELAY_LATE"), EnqueueTooLate, "deadline"),
        (exceptions.ResponseError("LEADRELAY_SCHEMA 2"), SchemaTooNew, "schema 2"),
    ],
)
def test_what_the_broker_answers_is_said_in_our_words(error, becomes, says):
    translated = translate(error)
    assert type(translated) is becomes
    assert says in str(translated)


def test_a_mistake_of_ours_stays_what_it_is():
    error = exceptions.ResponseError("WRONGTYPE Operation against a key")
    assert translate(error) is error
