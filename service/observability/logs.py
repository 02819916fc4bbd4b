"""The log: one line an event, as text for people or as JSON for programs."""

import json
import logging
import re
from typing import Any, Final

from asgi_correlation_id import correlation_id
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from service.observability.account import Account
from service.settings import LogFormat

access = logging.getLogger("figment.access")

CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""What could begin a line of its own, or move a terminal's cursor."""
LINE: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class WithRequestId(logging.Filter):
    """Puts the id of the request that a line belongs to into it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Every line is kept."""
        if (found := correlation_id.get(None)) is not None:
            record.request_id = found
        return True


class TextLines(logging.Formatter):
    """Lines for people. What a client sent cannot begin a line of its own."""

    def __init__(self) -> None:
        super().__init__(LINE)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The line, with control characters written out."""
        record.message = CONTROLS.sub(lambda found: repr(found[0])[1:-1], record.message)
        return super().formatMessage(record)


class JsonLines(JsonFormatter):
    """Lines for programs: an object each, always valid JSON in ASCII."""

    def __init__(self) -> None:
        super().__init__(
            ["levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger", "exc_info": "exception"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],  # uvicorn's, for terminals
            timestamp="time",
            json_serializer=dumps,
        )


def dumps(value: object, **options: Any) -> str:  # noqa: ANN401 (as json.dumps)
    """JSON in ASCII, in which half a surrogate pair, which is no Unicode, becomes a question mark."""
    text = json.dumps(value, **options)
    if "\\ud" not in text:  # of whole pairs, too, but these are rare
        return text
    whole = json.dumps(value, **options | {"ensure_ascii": False}).encode("utf-8", "replace")
    return json.dumps(json.loads(whole))


def log_config(level: str, form: LogFormat = "text") -> dict[str, object]:
    """Logging for uvicorn and Figment: one line an event, with the time.

    JSON goes to the standard output, so that nothing else is among it: TensorFlow writes to the standard error stream.
    """
    formatter, stream = {"text": (TextLines, "stderr"), "json": (JsonLines, "stdout")}[form]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": WithRequestId}},
        "formatters": {"line": {"()": formatter}},
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "stream": f"ext://sys.{stream}",
                "formatter": "line",
                "filters": ["request"],
            }
        },
        "root": {"handlers": ["lines"], "level": "WARNING"},
        "loggers": {name: {"level": level.upper()} for name in ("figment", "uvicorn")}
        | {"asgi_correlation_id": {"level": "ERROR"}},  # else each id that is not taken is a warning
    }


def log_request(route: str, method: str, status: int, seconds: float, account: Account) -> None:
    """The line of a request that is over; of its address only the route, since what is behind it may be private."""
    if not access.isEnabledFor(logging.INFO):
        return
    stages = {stage: round(1e3 * taken, 2) for stage, taken in account.stages.items()}
    about: dict[str, Any] = {"method": method, "route": route, "status": status, "ms": round(1e3 * seconds, 2)}
    if account.images:
        about |= {"images": account.images, "model": f"{account.model}/{account.version}"}
    if account.problem:
        about["problem"] = account.problem
    text = f"{method} {route} {status} {about['ms']} ms"
    drawn = f"; {account.images} of {about['model']}" if account.images else ""
    spent = "".join(f" {stage} {taken}" for stage, taken in stages.items())
    access.info("%s%s;%s; %s", text, drawn, spent, correlation_id.get(None) or "-", extra={**about, "stages": stages})
