"""Bodies of requests in JSON: read up to a limit, unpacked up to a limit, and checked in one step."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

from fastapi import Request, Response, params
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from service.apart import apart
from service.api.content import QUICK_BODY, limit_of, read_content, wrong
from service.api.problems import InvalidParameters, ParameterError, echo
from service.api.queries import NoQuery
from service.api.route import MAX_ERRORS, MAX_NAME, check_names, read

B = TypeVar("B", bound=BaseModel)


class StrictBody(BaseModel):
    """A JSON object: nothing unknown in it, and no text where a number is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class JsonRoute(APIRoute):
    """A route of an endpoint that takes the `request`, a `body` model, and parameters of the path.

    FastAPI documents it from its signature; it would read a body of any length, and only with the right Content-Type.

    Raises (when it is called):
        InvalidParameters: any parameter of the query, or a body that is not what the model says.
        TooLarge: the body is longer than `limit_of`, or becomes so when it is unpacked.
        UnsupportedMedia: an unknown Content-Encoding.
        TimeoutError: the body did not come before the deadline.
    """

    def parts(self, request: Request, content: bytes) -> bytes:
        """The JSON of a body; a subclass may keep what else is in it."""
        return content

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        hints = get_type_hints(self.endpoint, include_extras=True)
        model: type[BaseModel] = get_args(hints["body"])[0]
        in_path = {name: TypeAdapter(hint) for name, hint in hints.items() if _is_in_path(hint)}
        endpoint = self.endpoint

        async def answer(request: Request) -> Response:
            check_names(request, NoQuery)
            values = {name: read(kind.validate_python, request.path_params[name], "path", name)
                      for name, kind in in_path.items()}  # fmt: skip
            content = await read_content(request, limit_of(request.app.state.catalogue))
            text = self.parts(request, content)
            body = await apart(lambda: parse(model, text), quick=len(text) <= QUICK_BODY)
            response: Response = await endpoint(request=request, body=body, **values)
            return response

        return answer


def _is_in_path(hint: Any) -> bool:  # noqa: ANN401
    return get_origin(hint) is Annotated and any(isinstance(each, params.Path) for each in get_args(hint))


def parse(model: type[B], content: bytes) -> B:
    """The JSON of a body as its model.

    Raises:
        InvalidParameters: it is no JSON (NaN and Infinity are none), or not what the model says.
    """
    try:
        value = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise wrong("body", f"it is no JSON: {error}") from None
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_context=False)[:MAX_ERRORS]
        raise InvalidParameters(*map(_parameter_error, errors)) from None


def _parameter_error(error: ErrorDetails) -> ParameterError:
    place = ".".join(map(str, error["loc"])) or "body"
    message = "unknown parameter" if error["type"] == "extra_forbidden" else error["msg"]
    return ParameterError(
        parameter=place[:MAX_NAME], message=message.removeprefix("Value error, "), got=echo(error["input"])
    )
