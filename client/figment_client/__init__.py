"""The client of Figment, which draws images with a GAN: `Figment`, and `AsyncFigment` for asyncio."""

from .async_client import AsyncFigment
from .client import Figment
from .errors import (
    ConnectionFailed,
    DeadlineExceeded,
    ExtraMissing,
    FigmentError,
    InferenceFailed,
    InvalidAnswer,
    InvalidArgument,
    InvalidParameter,
    MethodNotAllowed,
    NoRequest,
    NotAcceptable,
    NotFound,
    NotReady,
    NumpyMissing,
    Overloaded,
    ParameterFault,
    PillowMissing,
    Problem,
    ProblemError,
    TimedOut,
    TooLarge,
    UnknownModel,
    UnsupportedMedia,
    WrongEnding,
)
from .inspections import Inspection, Verification
from .listings import ModelInfo, ModelListing, SkippedBundle
from .pictures import Picture
from .points import Latent, Point, point_of
from .projections import AsyncProjection, Projection, ProjectionResult, ProjectionStep
from .version import __version__

__all__ = [
    "AsyncFigment",
    "AsyncProjection",
    "ConnectionFailed",
    "DeadlineExceeded",
    "ExtraMissing",
    "Figment",
    "FigmentError",
    "InferenceFailed",
    "Inspection",
    "InvalidAnswer",
    "InvalidArgument",
    "InvalidParameter",
    "Latent",
    "MethodNotAllowed",
    "ModelInfo",
    "ModelListing",
    "NoRequest",
    "NotAcceptable",
    "NotFound",
    "NotReady",
    "NumpyMissing",
    "Overloaded",
    "ParameterFault",
    "Picture",
    "PillowMissing",
    "Point",
    "Problem",
    "ProblemError",
    "Projection",
    "ProjectionResult",
    "ProjectionStep",
    "SkippedBundle",
    "TimedOut",
    "TooLarge",
    "UnknownModel",
    "UnsupportedMedia",
    "Verification",
    "WrongEnding",
    "__version__",
    "point_of",
]
