import pytest
from pydantic import ValidationError

from service.settings import Settings, parts

WRONG = [
    ("port", "-1"), ("port", "65536"), ("port", "http"), ("port", "tcp://10.0.0.1:80"), ("device", "tpu"),
    ("device", "GPU"), ("max_batch", "0"), ("max_batch", "1025"), ("max_batch", "1.5"), ("queue", "63"),
    ("queue", "many"), ("deadline", "0"), ("deadline", "nan"), ("deadline", "inf"), ("deadline", "3601"),
    ("grace", "-1"), ("grace", "601"), ("drain", "0"), ("drain", "2.5"), ("log_level", "loud"), ("log_level", "INFO"),
    ("wedged", "0"), ("wedged", "inf"), ("log_format", "xml"), ("traces", "collector:4318"), ("traces", "http://"),
    ("traces", "http://a b"), ("traces", "http:///v1/traces"), ("traces", "http://a:99999"), ("traces", "http://a:0/"),
    ("cors", "https://EXAMPLE.org"), ("cors", "https://a:443"), ("cors", "https://u:p@a"), ("cors", "https://a b.org"),
    ("cors", "https://"), ("cors", "https://*.example.org"), ("cors", "https://a:99999"), ("address_rate", "much"),
    ("open", "yes"), ("rate", "much"), ("rate", "0/minute"), ("trusted_proxies", "*"), ("trusted_proxies", "proxy"),
    ("trusted_proxies", "10.0.0.1/8"), ("cors", "example.org"), ("cors", "https://example.org/"), ("cors", "ftp://a"),
    ("connections", "0"), ("send_seconds", "0"), ("keep_alive", "0"), ("keep_alive", "1.5"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FIGMENT_{name.upper()}", value)
    with pytest.raises(ValidationError) as refused:
        Settings()
    assert [error["loc"] for error in refused.value.errors()] == [(name,)]


def test_a_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PORT": "0", "DEADLINE": "2.5", "DEVICE": "cpu", "DEFAULT_MODEL": "tiny"}.items():
        monkeypatch.setenv(f"FIGMENT_{name}", value)
    settings = Settings()
    assert (settings.port, settings.deadline, settings.device, settings.default_model) == (0, 2.5, "cpu", "tiny")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"FIGMENT_{name.upper()}", "")
    assert Settings() == Settings.model_construct()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_says_what_it_is(name: str) -> None:
    assert Settings.model_fields[name].description


def test_lists_are_read_from_what_stands_between_commas() -> None:
    settings = Settings(
        trusted_proxies="127.0.0.1, 10.0.0.0/8,::1",
        cors="https://a.org ,http://b.org:8080,http://[::1]:99",
        rate="5/hour",
    )
    assert parts(settings.trusted_proxies) == ["127.0.0.1", "10.0.0.0/8", "::1"]
    assert parts(settings.cors) == ["https://a.org", "http://b.org:8080", "http://[::1]:99"]
    assert parts("") == parts(" , ") == []


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_it_listens_on_this_machine_only_unless_told_otherwise() -> None:
    assert Settings().host == "127.0.0.1"
