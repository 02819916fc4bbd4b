"""Paths with control characters: nobody asks for them but to be taken for something else."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import answer

CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class PlainPaths:
    """Answer 404 to a path with a control character.

    A pattern's `$` also matches before a line end, so the router would take `/project%0a` for `/project`, and what
    compares texts, such as scopes, rates and balancers, would not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        if scope["type"] == "http" and CONTROL.search(scope["path"]):
            shown = CONTROL.sub("\N{REPLACEMENT CHARACTER}", scope["path"])
            await answer(scope, "not-found", f"there is no {shown}; see /docs")(scope, receive, send)
            return
        await self.app(scope, receive, send)
