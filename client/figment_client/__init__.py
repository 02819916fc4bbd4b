"""The client of Figment, which draws images with a GAN: `Figment`, and `AsyncFigment` for asyncio."""

from .async_client import AsyncFigment
from .client import Figment
from .errors import (
    ConnectionFailed,
    DeadlineExceeded,
    FigmentError,
    InferenceFailed,
    InvalidAnswer,
    InvalidArgument,
    InvalidParameter,
    MethodNotAllowed,
    NotFound,
    NotReady,
    Overloaded,
    ParameterFault,
    PillowMissing,
    Problem,
    ProblemError,
    TimedOut,
    UnknownModel,
    WrongEnding,
)
from .listings import ModelInfo, ModelListing, SkippedBundle
from .pictures import Picture
from .version import __version__

__all__ = [
    "AsyncFigment",
    "ConnectionFailed",
    "DeadlineExceeded",
    "Figment",
    "FigmentError",
    "InferenceFailed",
    "InvalidAnswer",
    "InvalidArgument",
    "InvalidParameter",
    "MethodNotAllowed",
    "ModelInfo",
    "ModelListing",
    "NotFound",
    "NotReady",
    "Overloaded",
    "ParameterFault",
    "Picture",
    "PillowMissing",
    "Problem",
    "ProblemError",
    "SkippedBundle",
    "TimedOut",
    "UnknownModel",
    "WrongEnding",
    "__version__",
]
