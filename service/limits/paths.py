"""Paths that end in a line end: nobody asks for them but to be taken for something else."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import answer


class PlainPaths:
    """Answer 404 to a path that ends in a line end.

    A pattern's `$` also matches before it, so the router would take `/project%0a` for `/project`, and what compares
    texts, such as scopes, rates and balancers, would not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        if scope["type"] == "http" and scope["path"].endswith("\n"):
            shown = scope["path"].replace("\n", "�")
            await answer(scope, "not-found", f"there is no {shown}; see /docs")(scope, receive, send)
            return
        await self.app(scope, receive, send)
