"""The route of pictures: a query, or a body, is read into its model in one step, and nothing is ignored in silence.

FastAPI documents these routes from their signatures as any others. It would also solve their dependencies anew for each
request, parameter by parameter, which takes as long as drawing a small image's PNG.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from fastapi import Depends, Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.api.bodies import read_body
from service.api.problems import InvalidParameters, ParameterError, echo

MAX_NAME: Final = 100
"""Characters of an unknown parameter's name that an error repeats."""
MAX_ERRORS: Final = 20
"""Parameters that one answer complains about."""


class PictureRoute(APIRoute):
    """A route of an endpoint that takes the `request`, one `query` model, and parameters of the path.

    Raises (when it is called):
        InvalidParameters: a parameter that is unknown or given twice, or a body.
        RequestValidationError: a value that is not allowed.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        hints = get_type_hints(self.endpoint, include_extras=True)
        model: type[BaseModel] = get_args(hints["query"])[0]
        in_path = {name: TypeAdapter(hint) for name, hint in hints.items() if _is_in_path(hint)}
        endpoint = self.endpoint

        async def answer(request: Request) -> Response:
            check_names(request, model)
            given: dict[str, Any] = dict(request.query_params)
            if request.method == "POST":
                body = await read_body(request, model)
                refuse_unknown(body, model)
                given = merged(given, body)
            else:
                refuse_body(request)
            values = {name: read(kind.validate_python, request.path_params[name], "path", name)
                      for name, kind in in_path.items()}  # fmt: skip
            query = read(model.model_validate, given, "query")
            response: Response = await endpoint(request=request, query=query, **values)
            return response

        return answer


def merged(query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a query and of a body.

    Raises:
        InvalidParameters: one is given in both: which one counts would be a guess.
    """
    if twice := sorted(query.keys() & body.keys()):
        raise InvalidParameters(*(ParameterError(parameter=name, message="given in the query and in the body")
                                  for name in twice))  # fmt: skip
    return query | body


def check_names(request: Request, query: type[BaseModel]) -> None:
    """Refuse parameters that a query does not have, and those given twice: which one counts would be a guess.

    Raises:
        InvalidParameters: names them.
    """
    given, names = request.query_params, query.model_fields
    if len(given) == len(given.multi_items()) and names.keys() >= given.keys():
        return
    twice = {name for name in names if len(given.getlist(name)) > 1}
    errors = unknown(given, query)
    errors += [ParameterError(parameter=name, message="given more than once") for name in sorted(twice)]
    raise InvalidParameters(*errors[:MAX_ERRORS])


def refuse_unknown(given: Mapping[str, object], query: type[BaseModel]) -> None:
    """Refuse parameters of a body that a query does not have.

    Raises:
        InvalidParameters: names them.
    """
    if errors := unknown(given, query):
        raise InvalidParameters(*errors)


def unknown(given: Mapping[str, object], query: type[BaseModel]) -> list[ParameterError]:
    """Parameters that a query does not have; at most `MAX_ERRORS`."""
    names = query.model_fields
    message = f"unknown parameter; there are: {', '.join(sorted(names)) or 'none'}"
    found = (name for name in given if name not in names)
    return [
        ParameterError(parameter=name[:MAX_NAME], message=message, got=echo(given[name]))
        for name, _ in zip(found, range(MAX_ERRORS), strict=False)
    ]


def refuse_body(request: Request) -> None:
    """Refuse a body of a GET: one that is not read would be ignored in silence.

    Raises:
        InvalidParameters: there is a body.
    """
    headers = request.headers
    if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
        message = "a body is read of POST alone; give the parameters in the query, as in /generate?n=16"
        raise InvalidParameters(ParameterError(parameter="body", message=message))


def only(query: type[BaseModel]) -> Any:  # noqa: ANN401 (as FastAPI's Depends)
    """A dependency that does `check_names`."""

    async def check(request: Request) -> None:
        check_names(request, query)

    return Depends(check)


def read(validate: Callable[[Any], Any], value: object, *place: str) -> Any:  # noqa: ANN401
    """A validated value; `place` is where an error was, such as ("path", "seed").

    Raises:
        RequestValidationError: it is not allowed.
    """
    try:
        return validate(value)
    except ValidationError as error:
        raise RequestValidationError(
            [{**each, "loc": (*place, *each["loc"])} for each in error.errors(include_url=False)]
        ) from error


def _is_in_path(hint: Any) -> bool:  # noqa: ANN401
    return get_origin(hint) is Annotated and any(isinstance(each, params.Path) for each in get_args(hint))
