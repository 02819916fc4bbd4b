"""What crosses the cluster between an ingress and a replica, beside arrays."""

from dataclasses import dataclass
from typing import Literal

from service.engine.protocol import BatchSize
from service.engine.schedule import Cause


@dataclass(frozen=True)
class Wanted:
    """The model that an ingress means: what its pixels depend on, as of `Model.identity`."""

    name: str
    version: int
    digest: str
    precision: str
    fingerprint: str


@dataclass(frozen=True)
class Described:
    """A model as a replica has loaded it."""

    digest: str
    precision: str
    fingerprint: str
    sizes: tuple[BatchSize, ...]


@dataclass(frozen=True)
class Refused:
    """Why a replica does not answer; a value, since an exception loses its fields on the way.

    `full`: too much waits there, for the `cause`; come again after `retry_after` seconds. `stopping`: another replica
    may answer. `failed`: another would fail, too.
    """

    kind: Literal["full", "stopping", "failed"]
    reason: str
    retry_after: int = 1
    cause: Cause = "queue-full"
