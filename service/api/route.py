"""The route of pictures: a query is read into its model in one step, and nothing is ignored in silence.

FastAPI documents these routes from their signatures as any others. It would also solve their dependencies anew for each
request, parameter by parameter, which takes as long as drawing a small image's PNG.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import Request, Response, params
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError

from service.api.parameters import check_names, refuse_body


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
            refuse_body(request)
            check_names(request, model)
            values = {name: read(kind.validate_python, request.path_params[name], "path", name)
                      for name, kind in in_path.items()}  # fmt: skip
            query = read(model.model_validate, dict(request.query_params), "query")
            response: Response = await endpoint(request=request, query=query, **values)
            return response

        return answer


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
