"""Rates in images: how many a client may have in a window of time, and how many are left.

The library `limits` parses and counts. A window begins with a client's first image and holds for its whole length, so
`Retry-After` is exact; at worst a client has twice its images round the end of one. The library's own memory starts a
thread after nearly every hit and holds as many clients as come; `Table` has no thread and a bound.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from pydantic import BeforeValidator, InstanceOf, PlainSerializer

MAX_CLIENTS: Final = 10_000
"""Clients that are remembered, about 2 MB; above that those whose windows began first are forgotten."""


@dataclass(frozen=True)
class ImageRate:
    """So many images in so many seconds; `text` is how it was written."""

    text: str
    item: RateLimitItem

    @property
    def images(self) -> int:
        """In a window."""
        return self.item.amount

    @property
    def seconds(self) -> int:
        """Of a window."""
        return self.item.get_expiry()

    def __str__(self) -> str:
        return self.text


def parse_rate(text: str) -> ImageRate:
    """The rate of a text such as `600/minute` or `10 per 2 hours`.

    Raises:
        ValueError: it is none, or several, or of no images at all.
    """
    try:
        (item,) = parse_many(text)
    except ValueError:
        item = None
    if item is None or item.amount < 1:
        raise ValueError("images in a time are needed, such as 600/minute or 5000/hour")
    return ImageRate(text, item)


def _read(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError('images in a time are needed, in quotation marks, such as "600/minute"')
    return parse_rate(value) if isinstance(value, str) else value


Rate = Annotated[InstanceOf[ImageRate], BeforeValidator(_read), PlainSerializer(str)]


class Table(Storage):
    """A window for each of at most `most` clients, for the strategy `FixedWindowRateLimiter`.

    Args:
        most: clients.
        clock: seconds.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int = MAX_CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._most, self._clock = most, clock
        self._windows: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def base_exceptions(self) -> type[Exception]:
        """What a memory raises: nothing of its own."""
        return KeyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count so many more; returns the sum."""
        count, end = self._window(key) or (0, self._clock() + expiry)
        self._windows[key] = (count + amount, end)
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return count + amount

    def get(self, key: str) -> int:
        """What has been counted in the window."""
        window = self._window(key)
        return window[0] if window else 0

    def get_expiry(self, key: str) -> float:
        """When the window ends; now, if there is none."""
        window = self._window(key)
        return window[1] if window else self._clock()

    def now(self) -> float:
        """Its clock, in seconds."""
        return self._clock()

    def check(self) -> bool:
        """Whether it works."""
        return True

    def reset(self) -> int:
        """Forget all; returns how many there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget one."""
        self._windows.pop(key, None)

    def _window(self, key: str) -> tuple[int, float] | None:
        window = self._windows.get(key)
        if window is not None and window[1] <= self._clock():
            del self._windows[key]
            return None
        return window


class RateExceeded(Exception):
    """A client has had its images; `seconds` until it may have others, `who` is the client's kind: key or address.

    What a request costs is not known before it is read, which is not done where nothing is left.
    """

    def __init__(self, rate: ImageRate, who: str, cost: int | None, left: int, seconds: int) -> None:
        asked = f"{cost} images are asked for, and {left}" if cost is not None else "0"
        super().__init__(f"{asked} of {rate} are left for this {who}; in {seconds} s there are {rate.images} again")
        self.seconds = seconds


class TooManyImages(ValueError):
    """One request asks for more images than its rate ever allows."""


class Meter:
    """One client's rate: what is left of it, and what a request takes. `policy` is its name in the headers."""

    def __init__(self, limiter: FixedWindowRateLimiter, rate: ImageRate, client: str, policy: str = "images") -> None:
        self.rate, self.policy = rate, policy
        self._limiter, self._client = limiter, client
        self._end = 0.0
        """Of the window in which images were taken last."""

    @property
    def left(self) -> int:
        """Images that may be asked for now."""
        return self._limiter.get_window_stats(self.rate.item, self._client).remaining

    @property
    def seconds(self) -> int:
        """Until the window ends, rounded up; of a window that has not begun its length."""
        if self.left == self.rate.images:
            return self.rate.seconds
        return max(1, math.ceil(self._limiter.get_window_stats(self.rate.item, self._client).reset_time - self._now()))

    def allows(self, cost: int) -> bool:
        """Whether so many images are left, 0 or more."""
        return self._limiter.test(self.rate.item, self._client, cost=cost)

    def take(self, cost: int) -> None:
        """Take so many, which it `allows`."""
        self._limiter.hit(self.rate.item, self._client, cost=cost)
        self._end = self._limiter.get_window_stats(self.rate.item, self._client).reset_time

    def exceeded(self, cost: int | None = None) -> RateExceeded:
        """What says that so many are not left, or nothing."""
        return RateExceeded(self.rate, self._client.partition(" ")[0], cost, self.left, self.seconds)

    def refund(self, cost: int) -> None:
        """Give so many back, of those that were taken, if their window has not ended."""
        if self._limiter.get_window_stats(self.rate.item, self._client).reset_time != self._end:
            return
        self._limiter.hit(self.rate.item, self._client, cost=-min(cost, self.rate.images - self.left))

    def _now(self) -> float:
        storage = self._limiter.storage
        assert isinstance(storage, Table)
        return storage.now()


class Meters:
    """The rates that one request counts for, at least one: it takes its images from all of them, or from none."""

    def __init__(self, meters: Sequence[Meter]) -> None:
        self._meters = meters

    @property
    def used_up(self) -> Meter | None:
        """One of which nothing is left, if there is one; of several that which takes longest."""
        return self._refusing(1)

    def charge(self, cost: int) -> None:
        """Take so many images.

        Raises:
            TooManyImages: one of the rates never allows so many.
            RateExceeded: fewer are left of one; of several that which takes longest.
        """
        for each in self._meters:
            if cost > each.rate.images:
                raise TooManyImages(
                    f"{cost} images are asked for, and {each.rate} is all that may ever be had: ask for fewer, or for "
                    "fewer steps of a search"
                )
        if (refusing := self._refusing(cost)) is not None:
            raise refusing.exceeded(cost)
        for each in self._meters:
            each.take(cost)

    def _refusing(self, cost: int) -> Meter | None:
        refusing = (each for each in self._meters if not each.allows(cost))
        return max(refusing, key=lambda each: each.seconds, default=None)

    def refund(self, cost: int) -> None:
        """Give so many back."""
        for each in self._meters:
            each.refund(cost)

    def headers(self) -> dict[str, str]:
        """`RateLimit-Policy` and `RateLimit` as of draft-ietf-httpapi-ratelimit-headers-11: all rates, and what is
        left of each."""
        return {
            "RateLimit-Policy": ", ".join(f'"{m.policy}";q={m.rate.images};w={m.rate.seconds}' for m in self._meters),
            "RateLimit": ", ".join(f'"{m.policy}";r={m.left};t={m.seconds}' for m in self._meters),
        }
