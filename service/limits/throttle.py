"""Rates on the way in and out: who has none left is refused before anything is read, and answers say what is left.

A request costs the images that it draws: `n`, the frames of a walk, 1 for a single one; a search for a picture its
`steps`; reading a picture's origin 1. What draws nothing costs nothing, a 304 too; what is refused since too much waits
is given back, what fails is not.
"""

from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import rate_limited
from service.limits.charging import costs
from service.limits.clients import address_of
from service.limits.rates import ImageRate, Meter, Meters, Table

BY_ADDRESS = "images-by-address"
"""The policy of an address, beside that of its key, in the headers."""


class Throttle:
    """Hold each client to its rate: its key's own, or else `rate`; and each address to `address_rate`, whatever the
    keys that are used there.

    Without rates, and for paths that cost nothing, a request goes on as it is.
    """

    def __init__(self, app: ASGIApp, rate: ImageRate | None, address_rate: ImageRate | None = None) -> None:
        self.app, self._rate, self._address_rate = app, rate, address_rate
        # Tables of their own, so that addresses push out no key.
        self._by_key, self._by_client, self._by_address = (FixedWindowRateLimiter(Table()) for _ in range(3))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        meters = self._meters(scope) if scope["type"] == "http" and costs(scope["path"]) else None
        if meters is None:
            await self.app(scope, receive, send)
            return

        async def send_with_rates(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(meters.headers())
            await send(message)

        scope.setdefault("state", {})["meters"] = meters
        used_up = meters.used_up
        if used_up is None or may_be_unchanged(scope):
            await self.app(scope, receive, send_with_rates)
        else:
            await rate_limited(scope, used_up.exceeded())(scope, receive, send_with_rates)

    def _meters(self, scope: Scope) -> Meters | None:
        """What counts for a request's client."""
        key, address = scope.get("state", {}).get("key"), address_of(scope)
        meters = []
        if key is not None and (rate := key.rate or self._rate):
            meters.append(Meter(self._by_key, rate, f"key {key.name}"))
        elif key is None and self._rate:
            meters.append(Meter(self._by_client, self._rate, address))
        if self._address_rate:
            meters.append(Meter(self._by_address, self._address_rate, address, BY_ADDRESS))
        return Meters(meters) if meters else None


def may_be_unchanged(scope: Scope) -> bool:
    """Whether a 304 may be the answer, which costs nothing; if it is not, the images are charged before they are
    drawn."""
    return scope["method"] in ("GET", "HEAD") and "if-none-match" in Headers(scope=scope)
