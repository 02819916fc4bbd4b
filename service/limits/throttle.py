"""Rates on the way in and out: who has none left is refused before anything is read, and answers say what is left.

A request costs the images that it draws: `n`, the frames of a walk, 1 for a single one; a search for a picture its
`steps`; reading a picture's origin 1. What draws nothing costs nothing, a 304 too; what fails afterwards is not given
back.
"""

from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import rate_limited
from service.limits.charging import costs
from service.limits.clients import client_of
from service.limits.rates import ImageRate, Meter, RateExceeded, Table

POLICY = "images"
"""The name of the policy in the headers."""


class Throttle:
    """Hold each client to its rate: its key's own, or else `rate`.

    Without a rate, and for paths that cost nothing, a request goes on as it is. The headers are those of
    draft-ietf-httpapi-ratelimit-headers-11.
    """

    def __init__(self, app: ASGIApp, rate: ImageRate | None) -> None:
        self.app, self._rate = app, rate
        self._limiters = {kind: FixedWindowRateLimiter(Table()) for kind in ("key", "address")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        meter = self._meter(scope) if scope["type"] == "http" and costs(scope["path"]) else None
        if meter is None:
            await self.app(scope, receive, send)
            return

        async def send_with_rate(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = f'"{POLICY}";q={meter.rate.images};w={meter.rate.seconds}'
                headers["RateLimit"] = f'"{POLICY}";r={meter.left};t={meter.seconds}'
            await send(message)

        scope.setdefault("state", {})["meter"] = meter
        if meter.left:
            await self.app(scope, receive, send_with_rate)
        else:
            await rate_limited(scope, RateExceeded(meter.rate, 1, 0, meter.seconds))(scope, receive, send_with_rate)

    def _meter(self, scope: Scope) -> Meter | None:
        """What counts for a request's client; addresses have a table of their own, so that they push out no key."""
        key = scope.get("state", {}).get("key")
        rate = (key.rate if key is not None else None) or self._rate
        if rate is None:
            return None
        return Meter(self._limiters["address" if key is None else "key"], rate, client_of(scope))
