"""The gate: who asks without a key that may do it is refused before anything is read."""

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.keys import Key, now
from service.access.ring import Ring
from service.access.scopes import needed
from service.api.problems import answer

CHALLENGE = 'Bearer realm="figment"'
"""RFC 6750, section 3."""


class Gate:
    """Ask for a key with the scope that a path needs (`scopes`); the key that is found is in `state["key"]`.

    It is sent as `Authorization: Bearer TOKEN` (RFC 6750) or `X-Api-Key: TOKEN`; a query is no place for it, since
    queries end up in logs.
    """

    def __init__(self, app: ASGIApp, ring: Ring) -> None:
        self.app, self._ring = app, ring

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: D102 (ASGI)
        wanted = needed(scope["path"]) if scope["type"] == "http" else None
        token = token_of(scope["headers"]) if scope["type"] == "http" else ""
        key = self._ring.find(token) if token else None
        if key is not None and not key.is_expired(now()):
            scope.setdefault("state", {})["key"] = key
        if wanted is not None and (reason := refusal(wanted, token, key)):
            kind, detail, headers = reason
            await answer(scope, kind, detail, headers)(scope, receive, send)
            return
        await self.app(scope, receive, send if wanted is None else privately(send))


def privately(send: Send) -> Send:
    """Send what a key opened so that no shared cache keeps it for others: `public` would allow that (RFC 9111, 3.5)."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("cache-control", "").startswith("public"):
                headers["cache-control"] = headers["cache-control"].replace("public", "private", 1)
        await send(message)

    return sending


def refusal(wanted: str, token: str, key: Key | None) -> tuple[str, str, dict[str, str]] | None:
    """Why a request is refused: the kind of problem, the detail and the headers; None if it is not."""
    if not token:
        detail = "a key is needed, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`"
        return "unauthorized", detail, {"WWW-Authenticate": CHALLENGE}
    challenge = f'{CHALLENGE}, error="invalid_token"'
    if key is None:
        return "unauthorized", "there is no such key", {"WWW-Authenticate": challenge}
    if key.is_expired(now()):
        ended = f"the key {key.name!r} ended on {key.expires:%Y-%m-%d at %H:%M %Z}"
        return "unauthorized", ended, {"WWW-Authenticate": challenge}
    if wanted in key.scopes:
        return None
    has = " and ".join(sorted(key.scopes))
    challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{wanted}"'
    return "forbidden", f"the key {key.name!r} has the scope {has}; {wanted} is needed", {"WWW-Authenticate": challenge}


def token_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The token of a request; empty if there is none, or if several are there: which one counts would be a guess."""
    tokens = []
    for name, value in headers:
        text = value.decode("latin-1").strip()
        if name == b"authorization":
            scheme, _, token = text.partition(" ")
            tokens += [token.strip()] if scheme.lower() == "bearer" else []
        elif name == b"x-api-key":
            tokens.append(text)
    return tokens[0] if len(set(tokens)) == 1 else ""
