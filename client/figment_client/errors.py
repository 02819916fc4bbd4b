"""
Everything this package raises of its own:

* FigmentError
  x InvalidArgument         refused before anything was sent; also a ValueError
  x WrongEnding             a path's ending and the picture's format disagree; also a ValueError
  x NoRequest               a picture that is to be verified does not say what drew it; also a ValueError
  x ExtraMissing            what needs an optional library, without it; also an ImportError
    + PillowMissing         Picture.image, pictures in a terminal that speaks sixel
    + NumpyMissing          Picture.array, Picture.arrays
  x ConnectionFailed        no connection, or it broke
  x TimedOut                this client's own timeout passed
  x InvalidAnswer           an answer that is not what it claims: cut short, not an image, not our JSON
  x ProblemError            the server, or a proxy before it, answered with an error status
    + InvalidParameter      422
    + Unauthorized          401, the service asks for a key, and this is none
    + Forbidden             403, the key may not do this
    + NotFound              404
    + MethodNotAllowed      405
    + NotAcceptable         406, the service cannot write that format
    + TooLarge              413, more was sent than is taken
    + UnsupportedMedia      415, what was sent is no picture that can be read
    + UnknownModel          404, says which models there are
    + Overloaded            503 or 429, says when to come again
        + RateLimited       429, the key or address has had its images
    + NotReady              503
    + DeadlineExceeded      504, the server's own deadline
    + InferenceFailed       500
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "ConnectionFailed",
    "DeadlineExceeded",
    "ExtraMissing",
    "FigmentError",
    "Forbidden",
    "InferenceFailed",
    "InvalidAnswer",
    "InvalidArgument",
    "InvalidParameter",
    "MethodNotAllowed",
    "NoRequest",
    "NotAcceptable",
    "NotFound",
    "NotReady",
    "NumpyMissing",
    "Overloaded",
    "ParameterFault",
    "PillowMissing",
    "Problem",
    "ProblemError",
    "RateLimited",
    "TimedOut",
    "TooLarge",
    "Unauthorized",
    "UnknownModel",
    "UnsupportedMedia",
    "WrongEnding",
    "problem_error",
]


class FigmentError(Exception):
    """The root: `except FigmentError` catches whatever this package raises of its own."""


class InvalidArgument(FigmentError, ValueError):
    """An argument that cannot be sent as it is meant; nothing was asked of the server."""


class WrongEnding(FigmentError, ValueError):
    """The ending of a path to write to names another format than the picture has."""


class NoRequest(FigmentError, ValueError):
    """A picture that is to be drawn again does not say which request drew it, or says what is none of a service."""


class ExtraMissing(FigmentError, ImportError):
    """An optional library is needed, and is not installed; the message says which, and what for."""


class PillowMissing(ExtraMissing):
    """Pixels need Pillow: `pip install 'figment-client[pillow]'`."""


class NumpyMissing(ExtraMissing):
    """Arrays need NumPy: `pip install 'figment-client[numpy]'`."""


class ConnectionFailed(FigmentError):
    """The server could not be reached, or the connection broke before the answer was whole."""


class TimedOut(FigmentError):
    """The client's `timeout` passed without an answer."""


class InvalidAnswer(FigmentError):
    """The status says success, but the answer is cut short, not an image, or not the JSON of the contract."""


@dataclass(frozen=True)
class ParameterFault:
    """One complaint of a 422: the parameter's name, what is wrong with it, and the value the server got."""

    parameter: str
    message: str
    got: str | None


@dataclass(frozen=True)
class Problem:
    """
    An answer with an error status, as RFC 9457 describes it.

    `status` is the HTTP status, `type` the problem's URI reference (`about:blank` where the answer was no
    problem document), `retry_after` in seconds from now (0 or more) or None, and `raw` the whole JSON object
    with the members particular to its type (empty where there was none).
    """

    status: int
    type: str
    title: str
    detail: str
    errors: tuple[ParameterFault, ...] = ()
    retry_after: float | None = None
    raw: Mapping[str, object] = field(default_factory=dict, repr=False)


class ProblemError(FigmentError):
    """An answer with an error status; the attributes are those of `Problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)  # the one argument, so that the error can be pickled and copied
        self.problem = problem
        self.status = problem.status
        self.type = problem.type
        self.title = problem.title
        self.detail = problem.detail
        self.errors = problem.errors
        self.retry_after = problem.retry_after
        self.raw = problem.raw

    def __str__(self) -> str:
        head = f"{self.title} ({self.status})"
        return f"{head}: {self.detail}" if self.detail else head


class InvalidParameter(ProblemError):
    """422: a parameter out of range, of the wrong type, given twice, or unknown; `errors` tells each."""


class Unauthorized(ProblemError):
    """401: the service asks for a key; `key` or FIGMENT_KEY is none, unknown, or has ended."""


class Forbidden(ProblemError):
    """403: the key lacks the scope for this; the detail names it."""


class NotFound(ProblemError):
    """404: no such path. Is the base URL that of a Figment service?"""


class MethodNotAllowed(ProblemError):
    """405: the path knows other methods only."""


class NotAcceptable(ProblemError):
    """406: the service does not write this in the format that was asked for; the detail says in which it does."""


class TooLarge(ProblemError):
    """413: the body, or the picture in it, is larger than the service takes."""


class UnsupportedMedia(ProblemError):
    """415: the body is no picture that the service can read."""


class UnknownModel(ProblemError):
    """404: no model of that name is served."""

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models there are; empty where the server did not say."""
        names = self.raw.get("models")
        return tuple(str(name) for name in names) if isinstance(names, list) else ()


class Overloaded(ProblemError):
    """503 or 429: too much is asked at once; `retry_after` says when to come again, in seconds."""


class RateLimited(Overloaded):
    """429: the key, or without one the address, has had its images; `retry_after` says when there are others."""


class NotReady(ProblemError):
    """503: the service starts, stops, or has no model to serve."""


class DeadlineExceeded(ProblemError):
    """504: the answer would have come after the server's own deadline."""


class InferenceFailed(ProblemError):
    """500: the model failed on this request."""


_BY_TYPE: Mapping[str, type[ProblemError]] = {
    "invalid-parameter": InvalidParameter,
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
    "not-found": NotFound,
    "method-not-allowed": MethodNotAllowed,
    "not-acceptable": NotAcceptable,
    "too-large": TooLarge,
    "unsupported-media": UnsupportedMedia,
    "unknown-model": UnknownModel,
    "rate-limited": RateLimited,
    "too-many-connections": Overloaded,
    "overloaded": Overloaded,
    "not-ready": NotReady,
    "timeout": DeadlineExceeded,
    "inference-failed": InferenceFailed,
}

# Where the type tells nothing, as in a proxy's own page. A 500 or 502 could be anything: plain ProblemError.
_BY_STATUS: Mapping[int, type[ProblemError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    413: TooLarge,
    415: UnsupportedMedia,
    422: InvalidParameter,
    429: RateLimited,
    503: NotReady,
    504: DeadlineExceeded,
}


def problem_error(problem: Problem) -> ProblemError:
    """The error of a problem: by the last part of its type, else by its status, else a plain ProblemError."""
    last_part = problem.type.rstrip("/").rpartition("/")[2]
    kind = _BY_TYPE.get(last_part) or _BY_STATUS.get(problem.status, ProblemError)
    return kind(problem)
