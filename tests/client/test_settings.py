from __future__ import annotations

import httpx
import pytest
from figment_client.errors import InvalidArgument
from figment_client.settings import CONNECT_TIMEOUT_S, checked_settings


@pytest.mark.parametrize(
    ("base_url", "environment", "expected"),
    [
        (None, {}, "http://127.0.0.1:8000"),
        (None, {"FIGMENT_URL": ""}, "http://127.0.0.1:8000"),
        (None, {"FIGMENT_URL": "http://there:1"}, "http://there:1"),
        ("https://here", {"FIGMENT_URL": "http://there:1"}, "https://here"),
        ("http://here/below/", {}, "http://here/below"),
    ],
)
def test_the_argument_goes_before_the_environment_and_that_before_the_default(
    base_url: str | None, environment: dict[str, str], expected: str
) -> None:
    assert checked_settings(base_url, 1, 0, environment).base_url == expected


@pytest.mark.parametrize(
    "url", ["here:8000", "ftp://here", "http://", "http://here:x", "http://here?a=1", "http://here#a", "/x"]
)
def test_what_is_no_address_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument, match="base URL"):
        checked_settings(url, 1, 0, {})


@pytest.mark.parametrize(
    ("key", "environment", "sent"),
    [
        (None, {}, {}),
        (None, {"FIGMENT_KEY": "there"}, {"Authorization": "Bearer there"}),
        ("here", {"FIGMENT_KEY": "there"}, {"Authorization": "Bearer here"}),
        ("", {"FIGMENT_KEY": "there"}, {}),
    ],
)
def test_the_key_is_the_argument_or_that_of_the_environment(
    key: str | None, environment: dict[str, str], sent: dict[str, str]
) -> None:
    settings = checked_settings(None, 1, 0, environment, key)
    assert settings.credentials() == sent
    assert not any(secret in repr(settings) for secret in ("here", "there"))


@pytest.mark.parametrize("key", ["secret word", "secret\n", "secret\r\nHost: there", "gehe\u00edm"])
def test_what_no_header_holds_is_no_key_and_is_not_repeated(key: str) -> None:
    with pytest.raises(InvalidArgument, match="key: ") as refused:
        checked_settings(None, 1, 0, {}, key)
    assert key.split()[0] not in str(refused.value).replace("key: ", "")


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_is_above_zero_and_finite(timeout: float) -> None:
    with pytest.raises(InvalidArgument, match="timeout"):
        checked_settings(None, timeout, 0, {})


def test_retries_are_not_negative() -> None:
    with pytest.raises(InvalidArgument, match="max_retries -1"):
        checked_settings(None, 1, -1, {})


@pytest.mark.parametrize(("timeout", "connect"), [(60.0, CONNECT_TIMEOUT_S), (1.0, 1.0), (None, CONNECT_TIMEOUT_S)])
def test_connecting_never_takes_longer_than_its_own_limit(timeout: float | None, connect: float) -> None:
    assert checked_settings(None, timeout, 0, {}).http_timeout() == httpx.Timeout(timeout, connect=connect)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://here:8000/", "http://here:8000/generate?seed=7"),
        ("http://here/below", "http://here/below/generate?seed=7"),
        ("http://me:secret@here", "http://here/generate?seed=7"),
    ],
)
def test_an_address_is_below_the_base_url_and_holds_no_password(url: str, address: str) -> None:
    assert checked_settings(url, 1, 0, {}).address("/generate?seed=7") == address
