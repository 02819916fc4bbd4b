"""How many parameters a query may have: each is looked at, and a URL has room for thousands."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import answer

MAX_PARAMETERS: Final = 100
"""Of a query; the request with the most that can be asked has about twenty."""


class FewParameters:
    """Refuse a query of more than `MAX_PARAMETERS` before it is taken apart."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        count = scope["query_string"].count(b"&") + 1 if scope["type"] == "http" else 0
        if count <= MAX_PARAMETERS:
            await self.app(scope, receive, send)
            return
        message = f"it has {count} parameters; at most {MAX_PARAMETERS} are read"
        errors = [{"parameter": "query", "message": message}]
        await answer(scope, "invalid-parameter", f"query: {message}", errors=errors)(scope, receive, send)
