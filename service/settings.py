"""The settings: `FIGMENT_*` environment variables, unit and reason at each."""

import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.limits.rates import parse_rate

LogFormat = Literal["text", "json"]
Open = Literal["", "yes-anyone-may-generate-images"]


def parts(text: str) -> list[str]:
    """What stands between the commas of a setting, without white space."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _rate(text: str) -> str:
    return parse_rate(text).text if text else text


def _networks(text: str) -> str:
    for part in parts(text):
        ip_network(part)
    return text


def _origin_of(url: str) -> str:
    """The origin of a URL as browsers send it (RFC 6454, 6.2); empty if it has none."""
    parted = urlsplit(url)
    host, default = parted.hostname or "", {"http": 80, "https": 443}.get(parted.scheme)
    if default is None or not re.fullmatch(r"[a-z0-9.-]+|[0-9a-f.:]+", host):
        return ""
    port = "" if parted.port in (None, default) else f":{parted.port}"
    return f"{parted.scheme}://{f'[{host}]' if ':' in host else host}{port}"


def _origins(text: str) -> str:
    for part in parts(text):
        if part != "*" and part != _origin_of(part):
            raise ValueError(
                f"{part} is no origin; https://example.org and http://localhost:5173 are: small letters, no slash at "
                "the end, and no port that the scheme has by itself"
            )
    return text


def _address(text: str) -> str:
    if text and not (urlsplit(text).hostname and urlsplit(text).port != 0):  # `port` raises ValueError above 65535
        raise ValueError(f"{text} is no address; http://collector:4318/v1/traces is one")
    return text


class Settings(BaseSettings):
    """What the service can be told. Every field is the environment variable FIGMENT_ and its name.

    An empty variable counts as not set, so that a compose file can pass on what its user did not give.
    """

    model_config = SettingsConfigDict(
        env_prefix="FIGMENT_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """The address to listen on; this machine only, unless told otherwise."""

    port: int = Field(default=8000, ge=0, le=65535)
    """The TCP port; 0 takes a free one and logs it."""

    keys: str = ""
    """A file of keys (docs/security.md): whoever asks needs one of them. It is read again within FIGMENT_POLL seconds
    when it changes. Empty: nobody is asked."""

    open: Open = ""
    """The words that let the service listen where other machines reach it without FIGMENT_KEYS; without either it
    does not start."""

    published: str = ""
    """HOST:PORT at which a container's port is reached from outside: what counts, instead of FIGMENT_HOST, for whether
    other machines reach it. Compose sets it."""

    rate: Annotated[str, AfterValidator(_rate)] = ""
    """Images that a key, or where there are none an address, may have in a time, such as 600/minute; above that, 429.
    A key's own rate counts instead. Empty: as many as it wants."""

    address_rate: Annotated[str, AfterValidator(_rate)] = ""
    """Images that an address may have in a time, whatever keys are used there: it counts beside FIGMENT_RATE and the
    rates of keys. Of IPv6 a /64 is an address. Empty: as many as its keys may."""

    trusted_proxies: Annotated[str, AfterValidator(_networks)] = ""
    """Addresses and networks of proxies, with commas, whose X-Forwarded-For and X-Forwarded-Proto are believed:
    everybody else could write any address there. Empty: nobody's."""

    cors: Annotated[str, AfterValidator(_origins)] = ""
    """Origins, with commas, whose pages may read the answers, such as https://example.org; * for all. Empty: the
    service's own page alone."""

    connections: int = Field(default=1000, ge=1, le=100_000)
    """Connections at a time; one above that gets 503. Each needs a file descriptor: see ulimit -n."""

    send_seconds: float = Field(default=20.0, gt=0, le=3600)
    """Seconds within which a request's head has to come, else it gets 408; and between two looks at a body that comes
    and an answer that is taken. Below 1,000 bytes a second a body ends at the first look, an answer at the third in a
    row."""

    keep_alive: int = Field(default=75, ge=1, le=3600)
    """Seconds that a connection without a request stays open: longer than a load balancer keeps one (nginx and most
    clouds 60), so that none sends a request at the moment when we close it."""

    models: Path = Path("models")
    """The store: the folder of NAME/VERSION bundles."""

    poll: float = Field(default=2.0, ge=0.05, le=3600)
    """Seconds between two looks at the store: a new version that is good takes the place of the one that is served."""

    memory: int = Field(default=4096, ge=1)
    """MiB of weights in memory; above that, the models that were not asked for longest are unloaded until they are."""

    default_model: str = ""
    """The model that answers when a request names none; empty for the first by name."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where inference runs: auto takes a GPU if there is one; gpu without one refuses to start."""

    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    """Of the numbers, in memory and products: bfloat16 for processors, float16 for GPUs; auto measures which is fastest
    here, and other pixels may come on another machine."""

    trust: Literal["", "all"] = ""
    """all: load graphs that reach files, Python or other machines; empty: refuse them, since a model is a program."""

    max_batch: int = Field(default=64, ge=1, le=1024)
    """Rows (images) a batch at most; batch sizes are the powers of two up to it."""

    in_flight: int = Field(default=2, ge=1, le=16)
    """Batches that run at a time: with two the device works on while Python, or a slow core, ends one."""

    queue: int = Field(default=1024, ge=64)
    """Rows that may wait, for each model; above that a request is refused with 503, so that memory stays bounded."""

    deadline: float = Field(default=30.0, gt=0, le=3600)
    """Seconds a request may take; one that cannot be answered in time is refused with 503, a late one gets 504."""

    wedged: float = Field(default=60.0, ge=1, le=3600)
    """Seconds a batch may take beyond what is expected; then /livez is 503, so that whoever watches restarts it."""

    project_seconds: float = Field(default=30.0, gt=0, le=3600)
    """Seconds that POST /project may take to search for a picture's latent, from when its turn comes."""

    project_waiting: int = Field(default=2, ge=0, le=100)
    """Searches that may wait while one runs; above that POST /project is refused with 503."""

    max_upload: int = Field(default=16, ge=1, le=1024)
    """MiB of a request's body at most: a picture that is sent; a larger one is refused with 413."""

    grace: float = Field(default=1.0, ge=0, le=600)
    """Seconds between SIGTERM, when /readyz turns to 503, and closing the socket: a load balancer has to notice."""

    drain: int = Field(default=30, ge=1, le=3600)
    """Seconds that requests under way have to finish once the socket is closed."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged; every request is logged at info."""

    log_format: LogFormat = "text"
    """How: lines for people, on the standard error stream, or a JSON object a line for programs, on the standard
    output."""

    traces: Annotated[str, AfterValidator(_address)] = Field(default="", pattern=r"^(https?://\S+)?$")
    """The address that takes OpenTelemetry's traces, such as http://collector:4318/v1/traces; empty for none. It needs
    the packages of requirements/otel.txt."""
