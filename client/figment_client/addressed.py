"""What both clients know before anything is sent: the settings, and what follows from them."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

from .calls import Call, to_httpx
from .errors import InvalidArgument
from .files import PartFile, require_ending
from .page import page_request
from .pictures import Picture
from .responses import finish, read_picture
from .retries import pause_before_retry
from .settings import checked_settings

if TYPE_CHECKING:
    import httpx


class Addressed:
    """The part of a client that waits for nothing."""

    def __init__(self, base_url: str | None, timeout: float | None, max_retries: int, key: str | None) -> None:
        self._settings = checked_settings(base_url, timeout, max_retries, key=key)

    @property
    def base_url(self) -> str:
        """The address of the service, without a slash at its end."""
        return self._settings.base_url

    def replay_url(self, picture: Picture) -> str:
        """
        The full address, below this client's base URL, that answers with the same picture again.

        Raises InvalidArgument where the picture has no such request, as it would be too long.
        """
        if picture.request is None:
            raise InvalidArgument("this picture's request is too long for a URL")
        return self._settings.address(picture.request)

    def page_url(self, request: str) -> str:
        """The address of the service's page for people, showing what a request (path and query) draws."""
        return self._settings.address(page_request(request))

    def _request(self, http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
        return to_httpx(http, self.base_url, call, self._settings.http_timeout(), self._settings.credentials())

    def _pause(
        self, outcome: httpx.Response | httpx.RequestError, attempt: int, max_retries: int | None
    ) -> float | None:
        import random

        limit = self._settings.max_retries if max_retries is None else max_retries
        return pause_before_retry(outcome, attempt, max_retries=limit, jitter=random.random(), now=time.time())  # noqa: S311 (jitter is no secret)

    def _kept(self, outcome: httpx.Response | httpx.RequestError, call: Call, file: PartFile) -> Picture:
        """The picture of an outcome whose body is in `file`, which gets its final name."""
        file.flush()
        picture = finish(outcome, lambda response: read_picture(response, call, file.part))
        require_ending(file.path, picture.media_type)
        file.commit()
        return dataclasses.replace(picture, source=file.path)
