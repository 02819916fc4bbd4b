"""HEAD: what GET answers, without its body."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Turn HEAD into GET and drop the body; the headers, and the work, are those of GET (RFC 9110, 9.3.2).

    Starlette does so for its own routes and FastAPI does not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        inner = {**scope, "method": "GET"}
        try:
            await self.app(inner, receive, send_headers)
        finally:
            scope.update(inner | {"method": "HEAD"})  # whoever watches wants to know the route
