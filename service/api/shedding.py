"""What cannot be answered in time is refused before anything is done for it.

To read a request, check it and wind up an error takes a third of what it takes to answer it. Where more come than can
be answered, that time is taken from those that could be, and then nobody is answered in time.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import overloaded
from service.catalogue import Catalogue

PICTURES = ("/generate", "/images/", "/interpolate", "/variations", "/mix", "/v1/images/")
"""Where the paths of requests for pictures begin."""

MODELS, INFERENCE = ("/v1/models/", "/v2/models/"), (":predict", "/infer")
"""Where the paths of inference by other protocols begin and end."""


class Shedding:
    """Refuse requests for pictures while no loaded model could draw one more image within FIGMENT_DEADLINE.

    Also those that are wrong, that ask for what others wait for, or for a model that is not loaded: nothing was read.
    """

    def __init__(self, app: ASGIApp, catalogue: Catalogue) -> None:
        self.app, self._catalogue = app, catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        if scope["type"] == "http" and draws(scope["path"]):
            refusal = self._catalogue.device.refusal(self._catalogue.settings.deadline)
            if refusal is not None:
                await overloaded(scope, refusal)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def draws(path: str) -> bool:
    """Whether a request to a path is for pictures."""
    return path.startswith(PICTURES) or (path.startswith(MODELS) and path.endswith(INFERENCE))
