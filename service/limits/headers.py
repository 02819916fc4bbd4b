"""The headers that make browsers careful with every answer, where it has none of its own."""

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-site",
}
"""What is answered is what it says it is, no page learns where a visitor came from, an answer that is opened as a page
runs and loads nothing and stands in nobody's frame, and pages of other sites cannot show it."""

DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of `/docs`: Swagger UI starts itself by a script in the page."""


class SecurityHeaders:
    """Add `HEADERS` to every answer that does not have them. With `shared`, pages of other sites may show pictures."""

    def __init__(self, app: ASGIApp, shared: bool = False) -> None:
        self.app = app
        self._headers = HEADERS | ({"Cross-Origin-Resource-Policy": "cross-origin"} if shared else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"] == "/docs":
                    headers.setdefault("Content-Security-Policy", DOCS_POLICY)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)
