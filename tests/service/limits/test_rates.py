"""How many images a client may have: by a clock of the test's own."""

import threading

import pytest
from limits.strategies import FixedWindowRateLimiter

from service.limits.rates import Meter, Meters, RateExceeded, Table, TooManyImages, parse_rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def meter(clock: Clock, rate: str = "10/minute", client: str = "a", table: Table | None = None) -> Meter:
    return Meter(FixedWindowRateLimiter(table or Table(clock=clock)), parse_rate(rate), client)


@pytest.mark.parametrize(
    ("text", "images", "seconds"),
    [("600/minute", 600, 60), ("5 per hour", 5, 3600), ("10/2 seconds", 10, 2), ("1/day", 1, 86400)],
)
def test_a_rate_is_read(text: str, images: int, seconds: int) -> None:
    rate = parse_rate(text)
    assert (rate.images, rate.seconds, str(rate)) == (images, seconds, text)


@pytest.mark.parametrize(
    "text", ["", "600", "much", "0/minute", "-1/minute", "1/fortnight", "5/second;6/hour", "1.5/hour"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 600/minute"):
        parse_rate(text)


def test_images_are_taken_until_none_are_left_and_come_back_with_the_window(clock: Clock) -> None:
    one = meter(clock)
    assert (one.left, one.seconds) == (10, 60)
    Meters([one]).charge(4)
    Meters([one]).charge(6)
    assert one.left == 0
    clock.now += 59.5
    with pytest.raises(RateExceeded) as refused:
        Meters([one]).charge(1)
    assert refused.value.seconds == 1
    clock.now += 0.5
    Meters([one]).charge(10)


def test_a_request_that_is_refused_takes_nothing(clock: Clock) -> None:
    one = meter(clock)
    Meters([one]).charge(4)
    with pytest.raises(RateExceeded, match="7 images are asked for, and 6 of 10/minute are left"):
        Meters([one]).charge(7)
    assert one.left == 6
    Meters([one]).charge(6)


def test_what_is_given_back_may_be_had_again_and_no_more_than_was_taken(clock: Clock) -> None:
    one = meter(clock)
    Meters([one]).charge(7)
    one.refund(3)
    assert one.left == 6
    clock.now += 60  # another window
    one.refund(4)
    assert one.left == 10
    with pytest.raises(TooManyImages):
        Meters([one]).charge(11)


def test_what_is_never_allowed_is_told_so(clock: Clock) -> None:
    one = meter(clock)
    with pytest.raises(TooManyImages, match="11 images are asked for, and 10/minute is all"):
        Meters([one]).charge(11)
    assert one.left == 10


def test_what_costs_nothing_is_free(clock: Clock) -> None:
    one = meter(clock)
    Meters([one]).charge(10)
    Meters([one]).charge(0)


def test_each_client_has_its_own(clock: Clock) -> None:
    table = Table(clock=clock)
    meter(clock, client="a", table=table).take(10)
    assert meter(clock, client="b", table=table).left == 10


def test_memory_is_bounded_and_who_began_first_is_forgotten(clock: Clock) -> None:
    table = Table(most=3, clock=clock)
    for client in "abcd":
        meter(clock, client=client, table=table).take(10)
    assert [meter(clock, client=client, table=table).left for client in "abcd"] == [10, 0, 0, 0]
    assert table.reset() == 3


def test_it_starts_no_threads(clock: Clock) -> None:
    before = threading.active_count()
    for i in range(100):
        meter(clock, client=str(i)).take(1)
    assert threading.active_count() == before


def test_a_client_is_forgotten_by_name(clock: Clock) -> None:
    limiter = FixedWindowRateLimiter(Table(clock=clock))
    one = Meter(limiter, parse_rate("10/minute"), "a")
    Meters([one]).charge(10)
    limiter.clear(one.rate.item, "a")
    assert (one.left, limiter.storage.check()) == (10, True)


def test_of_several_rates_images_are_taken_from_all_or_from_none(clock: Clock) -> None:
    one, other = meter(clock, "10/minute", "key a"), meter(clock, "6/hour", "address b")
    both = Meters([one, other])
    both.charge(5)
    assert (one.left, other.left, both.used_up) == (5, 1, None)
    with pytest.raises(RateExceeded, match="2 images are asked for, and 1 of 6/hour are left for this address"):
        both.charge(2)
    assert (one.left, other.left) == (5, 1)
    both.refund(3)
    assert (one.left, other.left) == (8, 4)
    both.charge(4)
    assert both.used_up is other
    clock.now += 60
    with pytest.raises(TooManyImages, match="7 images are asked for, and 6/hour is all"):
        both.charge(7)
    assert one.left == 10


def test_what_is_said_of_several_rates(clock: Clock) -> None:
    table = Table(clock=clock)
    one, other = meter(clock, "10/minute", "a", table), meter(clock, "6/hour", "b", table)
    Meters([one, other]).charge(2)
    other.policy = "by-address"
    assert Meters([one, other]).headers() == {
        "RateLimit-Policy": '"images";q=10;w=60, "by-address";q=6;w=3600',
        "RateLimit": '"images";r=8;t=60, "by-address";r=4;t=3600',
    }


def test_what_was_taken_in_a_window_that_has_ended_is_not_given_back(clock: Clock) -> None:
    table = Table(clock=clock)
    early = Meters([meter(clock, table=table)])
    early.charge(4)
    clock.now += 60
    late = Meters([meter(clock, table=table)])
    late.charge(10)
    early.refund(4)
    assert meter(clock, table=table).left == 0


def test_of_several_rates_that_refuse_the_longest_is_told(clock: Clock) -> None:
    one, other = meter(clock, "10/second", "key a"), meter(clock, "10/hour", "address b")
    both = Meters([one, other])
    both.charge(8)
    with pytest.raises(RateExceeded) as refused:
        both.charge(5)
    assert refused.value.seconds == 3600
    with pytest.raises(TooManyImages, match="11 images are asked for, and 10/second"):
        both.charge(11)  # whatever is left
