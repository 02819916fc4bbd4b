from __future__ import annotations

import copy
import pickle

import figment_client
import pytest
from figment_client import errors
from figment_client.errors import FigmentError, ParameterFault, Problem, ProblemError, UnknownModel, problem_error


def problem(kind: str = "about:blank", status: int = 500, **members: object) -> Problem:
    return Problem(status=status, type=kind, title="Title", detail="what happened", raw=members)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("/problems/invalid-parameter", 422, errors.InvalidParameter),
        ("/problems/unauthorized", 401, errors.Unauthorized),
        ("/problems/forbidden", 403, errors.Forbidden),
        ("/problems/rate-limited", 429, errors.RateLimited),
        ("/problems/too-many-connections", 503, errors.Overloaded),
        ("about:blank", 401, errors.Unauthorized),
        ("about:blank", 403, errors.Forbidden),
        ("/problems/not-found", 404, errors.NotFound),
        ("/problems/method-not-allowed", 405, errors.MethodNotAllowed),
        ("/problems/not-acceptable", 406, errors.NotAcceptable),
        ("/problems/unsupported-media", 415, errors.UnsupportedMedia),
        ("/problems/too-large", 413, errors.TooLarge),
        ("about:blank", 406, errors.NotAcceptable),
        ("about:blank", 415, errors.UnsupportedMedia),
        ("about:blank", 413, errors.TooLarge),
        ("/problems/unknown-model", 404, errors.UnknownModel),
        ("/problems/overloaded", 503, errors.Overloaded),
        ("/problems/not-ready", 503, errors.NotReady),
        ("/problems/timeout", 504, errors.DeadlineExceeded),
        ("/problems/inference-failed", 500, errors.InferenceFailed),
        ("https://figment.test/problems/overloaded/", 503, errors.Overloaded),
        ("overloaded", 503, errors.Overloaded),
        # the type goes before the status
        ("/problems/not-ready", 500, errors.NotReady),
        # no type that is known: the status
        ("about:blank", 404, errors.NotFound),
        ("about:blank", 405, errors.MethodNotAllowed),
        ("/problems/new", 422, errors.InvalidParameter),
        ("about:blank", 429, errors.RateLimited),
        ("about:blank", 503, errors.NotReady),
        ("about:blank", 504, errors.DeadlineExceeded),
        # neither
        ("about:blank", 500, ProblemError),
        ("about:blank", 502, ProblemError),
        ("about:blank", 418, ProblemError),
    ],
)
def test_the_type_decides_and_then_the_status(kind: str, status: int, expected: type[ProblemError]) -> None:
    assert type(problem_error(problem(kind, status))) is expected


def test_the_attributes_are_those_of_the_problem() -> None:
    fault = ParameterFault("n", "at most 64", "65")
    whole = Problem(422, "/problems/invalid-parameter", "Title", "why", (fault,), 2.0, {"more": 1})
    error = problem_error(whole)
    assert error.problem is whole
    assert (error.status, error.type, error.title, error.detail) == (422, whole.type, "Title", "why")
    assert (error.errors, error.retry_after, error.raw) == ((fault,), 2.0, {"more": 1})


def test_the_message_holds_title_status_and_detail() -> None:
    assert str(problem_error(problem(status=422))) == "Title (422): what happened"
    assert str(problem_error(Problem(502, "about:blank", "Bad Gateway", ""))) == "Bad Gateway (502)"


@pytest.mark.parametrize(("members", "models"), [({"models": ["a", "b"]}, ("a", "b")), ({}, ()), ({"models": "a"}, ())])
def test_an_unknown_model_says_which_there_are(members: dict[str, object], models: tuple[str, ...]) -> None:
    error = problem_error(problem("/problems/unknown-model", 404, **members))
    assert isinstance(error, UnknownModel)
    assert error.models == models


def test_an_error_survives_pickling_and_copying() -> None:
    error = problem_error(problem("/problems/overloaded", 503))
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is errors.Overloaded
        assert twin.problem == error.problem


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = {
        line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.strip()[:1] in "*x+" and line.strip()
    }
    defined = {
        name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, FigmentError)
    }
    assert drawn == defined


def test_every_error_is_exported_by_the_package() -> None:
    assert set(errors.__all__) - {"problem_error"} <= set(figment_client.__all__)


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.InvalidArgument, ValueError),
        (errors.WrongEnding, ValueError),
        (errors.PillowMissing, ImportError),
        (errors.NumpyMissing, ImportError),
    ],
)
def test_what_the_caller_did_is_also_the_builtin_error(kind: type[FigmentError], builtin: type[Exception]) -> None:
    assert issubclass(kind, builtin)
