import io
import json
import logging
import logging.config
import sys
from collections.abc import Iterator

import pytest
from asgi_correlation_id import correlation_id
from hypothesis import given, settings
from hypothesis import strategies as st

from service.observability.account import Account
from service.observability.logs import JsonLines, TextLines, WithRequestId, access, dumps, log_config, log_request

HOSTILE = 'a\nb\r\x1b[31m\x00\u2028"\\\ud800 ä 🎨'


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a logger of its own writes as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(WithRequestId())
    handler.setFormatter(JsonLines())
    level, propagate = access.level, access.propagate
    access.addHandler(handler)
    access.setLevel("INFO")
    access.propagate = False
    yield stream
    access.removeHandler(handler)
    access.setLevel(level)
    access.propagate = propagate


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("figment.test", logging.WARNING, "file", 1, "%s", (message,), info)


@settings(deadline=None)
@given(st.text(st.characters()) | st.just(HOSTILE))
def test_a_json_line_is_one_line_of_valid_json_whatever_is_in_it(text: str) -> None:
    line = JsonLines().format(record(text))
    assert line.isascii()
    assert "\n" not in line
    found = json.loads(line)
    assert (found["level"], found["logger"]) == ("WARNING", "figment.test")
    assert found["message"] == text.encode("utf-8", "replace").decode()
    assert found["time"].startswith("20")


def test_half_a_surrogate_pair_becomes_a_question_mark_and_a_whole_one_stays() -> None:
    assert json.loads(dumps({"a": "\ud800", "b": ["🎨"]})) == {"a": "?", "b": ["🎨"]}


def test_an_error_is_in_the_line() -> None:
    assert "OSError: no\\nspace" in JsonLines().format(record("x", OSError("no\nspace")))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_in_a_text_line_nothing_begins_a_line_of_its_own(text: str) -> None:
    line = TextLines().format(record(text))
    assert len(line.splitlines()) == 1
    assert not any(character in line for character in "\r\n\x1b\x00\x7f\x85\u2028")


def test_a_request_is_one_line_with_all_that_it_took(lines: io.StringIO) -> None:
    account = Account(model="tiny", version=2, images=16)
    account.add("queue", 0.0, 0.002)
    account.add("inference", 0.002, 0.5)
    token = correlation_id.set("abc-7")
    log_request("/generate", "GET", 200, 0.6, account)
    correlation_id.reset(token)
    found = json.loads(lines.getvalue())
    del found["time"]
    assert found == {
        "level": "INFO", "logger": "figment.access", "request_id": "abc-7", "method": "GET", "route": "/generate",
        "status": 200, "ms": 600.0, "images": 16, "model": "tiny/2", "stages": {"queue": 2.0, "inference": 498.0},
        "message": "GET /generate 200 600.0 ms; 16 of tiny/2; queue 2.0 inference 498.0; abc-7",
    }  # fmt: skip


def test_a_problem_is_named(lines: io.StringIO) -> None:
    account = Account()
    account.fail("overloaded", 503, "deadline")
    log_request("/generate", "GET", 503, 0.001, account)
    found = json.loads(lines.getvalue())
    assert found["problem"] == "overloaded"
    assert "model" not in found
    assert "request_id" not in found


def test_nothing_is_written_where_requests_are_not_logged(lines: io.StringIO) -> None:
    access.setLevel("WARNING")
    log_request("/generate", "GET", 200, 0.001, Account())
    assert lines.getvalue() == ""


@pytest.mark.parametrize(
    ("form", "formatter", "stream"), [("text", TextLines, "stderr"), ("json", JsonLines, "stdout")]
)
def test_the_configuration_is_one_that_python_takes(form: str, formatter: type[logging.Formatter], stream: str) -> None:
    config = log_config("info", form)  # type: ignore[arg-type]
    names = [f"{name}.configured" for name in config["loggers"]]  # type: ignore[attr-defined]
    config["loggers"] = {name: {"handlers": ["lines"], "level": "INFO"} for name in names}
    del config["root"]  # other tests look at what is logged
    logging.config.dictConfig(config)
    (handler,) = logging.getLogger(names[0]).handlers
    assert isinstance(handler, logging.StreamHandler)
    assert isinstance(handler.formatter, formatter)
    assert handler.stream is getattr(sys, stream)
    assert any(isinstance(found, WithRequestId) for found in handler.filters)
    logging.getLogger(names[0]).removeHandler(handler)
