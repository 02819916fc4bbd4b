"""The headers that make browsers careful with every answer, where it has none of its own."""

from collections.abc import Mapping
from typing import Final

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
        headers = HEADERS | ({"Cross-Origin-Resource-Policy": "cross-origin"} if shared else {})
        self._headers, self._of_docs = _raw(headers), _raw(headers | {"Content-Security-Policy": DOCS_POLICY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = list(message.get("headers", ()))
                names = {name for name, _ in own}
                added = self._of_docs if scope["path"] == "/docs" else self._headers
                message = {**message, "headers": own + [each for each in added if each[0] not in names]}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI has them, which is quick: they are added to every answer."""
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
