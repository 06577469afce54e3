import pytest
from leadrelay.errors import ConfigurationError
from leadrelay.gateway.rules import Rules, check_host
from leadrelay.serving.asgi import Refused
from leadrelay.settings import Settings


def rules(**settings):
    return Rules.of(Settings(**{"dataset_id": "d", **settings}))


def test_datasets_are_the_configured_ones():
    assert rules(allowed_datasets=frozenset({"e"})).datasets == {"d", "e"}
    assert Rules.of(Settings(), any_dataset=True).datasets == frozenset()
    with pytest.raises(ConfigurationError, match="LEADRELAY_DATASET_ID"):
        Rules.of(Settings())


@pytest.mark.parametrize(("header", "params"), [(b"s3", {}), (b"", {"leadrelay_secret": "s3"})])
def test_the_secret_is_a_header_or_a_parameter(header, params):
    rules(gateway_secret="s3").check_secret(header, params)
    rules().check_secret(header, params)


@pytest.mark.parametrize(
    ("header", "params"), [(b"", {}), (b"S3", {}), (b"", {"leadrelay_secret": "ü"}), (b"\xff", {})]
)
def test_another_secret_is_refused(header, params):
    with pytest.raises(Refused) as caught:
        rules(gateway_secret="s3").check_secret(header, params)
    assert caught.value.status == 401
    assert "s3" not in caught.value.reason.split()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_nothing(host):
    check_host(host, rules(), open_to_all=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "", "gateway.example.com"])
def test_other_addresses_need_a_secret_or_a_word(host):
    check_host(host, rules(gateway_secret="s3"), open_to_all=False)
    check_host(host, rules(), open_to_all=True)
    with pytest.raises(ConfigurationError, match="--open"):
        check_host(host, rules(), open_to_all=False)
