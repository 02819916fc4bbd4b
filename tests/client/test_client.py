from __future__ import annotations

from collections.abc import Callable, Mapping

import httpx
import pytest
from figment_client import ConnectionFailed, Figment, InvalidAnswer, InvalidParameter, Overloaded, TimedOut
from figment_client.errors import DeadlineExceeded, InvalidArgument, ProblemError, UnknownModel
from figment_client.retries import FIRST_WAIT_S

Answer = Callable[..., httpx.Response]
Service = Callable[[httpx.Request], httpx.Response]


class Scripted:
    """A service that answers with the outcomes given, one after the other, and remembers the requests."""

    def __init__(self, *outcomes: httpx.Response | Exception) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def client(self, max_retries: int = 3) -> Figment:
        transport = httpx.MockTransport(self.answer)
        return Figment("http://test", max_retries=max_retries, transport=transport, sleep=self.pauses.append)


def test_a_picture_comes_with_its_origin(service: Service, images: Mapping[str, bytes]) -> None:
    with Figment("http://test/", transport=httpx.MockTransport(service)) as figment:
        grid = figment.generate(16, seed=7)
        assert (grid.image().size, grid.seed, grid.request) == ((48, 2), 7, "/generate?n=16&seed=7")
        assert (grid.seeds, grid.points) == (tuple(range(7, 23)), tuple(map(str, range(7, 23))))
        assert figment.replay_url(grid) == "http://test/generate?n=16&seed=7"
        assert figment.image(9).seed == 9
        assert figment.image("two words/or more").request == "/images/two%20words%2For%20more.png"
        walk = figment.interpolate([1, 2, 3], format="webp")
        assert (walk.media_type, walk.seed, walk.seeds) == ("image/webp", 1, (1, 2, 3))
        assert [model.name for model in figment.models().models] == ["adventurer"]
        assert figment.ready()
        assert figment.health()


def test_requests_go_below_the_base_url_and_say_who_asks(picture_answer: Answer) -> None:
    script = Scripted(picture_answer())
    transport = httpx.MockTransport(script.answer)
    with Figment("http://test/below", transport=transport) as figment:
        figment.generate(2, seed=1)
    assert str(script.requests[0].url) == "http://test/below/generate?n=2&seed=1"
    assert script.requests[0].headers["User-Agent"].startswith("figment-client/")


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIGMENT_URL", "http://there:9000/")
    with Figment() as figment:
        assert figment.base_url == "http://there:9000"


def test_a_redirect_is_followed(picture_answer: Answer) -> None:
    moved = httpx.Response(308, headers={"Location": "https://test/generate?n=1"})
    script = Scripted(moved, picture_answer())
    assert script.client().generate().seed == 7
    assert script.requests[1].url.scheme == "https"


@pytest.mark.parametrize(
    "first",
    [
        httpx.Response(503),
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        httpx.Response(429),
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("cut short"),
        httpx.ConnectTimeout("slow"),
    ],
)
@pytest.mark.parametrize("seed", [7, None])
def test_a_failure_that_may_pass_is_tried_again_seeded_or_not(
    picture_answer: Answer, first: httpx.Response | Exception, seed: int | None
) -> None:
    script = Scripted(first, picture_answer())
    assert script.client().generate(seed=seed).seed == 7
    assert [request.url for request in script.requests] == [script.requests[0].url] * 2
    assert len(script.pauses) == 1
    assert FIRST_WAIT_S / 2 <= script.pauses[0] < FIRST_WAIT_S


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (httpx.Response(422), InvalidParameter),
        (httpx.Response(500), ProblemError),
        (httpx.Response(504), DeadlineExceeded),
        (httpx.ReadTimeout("slow"), TimedOut),
        (httpx.Response(200, html="<h1>Log in</h1>"), InvalidAnswer),
        (httpx.Response(503, headers={"Retry-After": "3600"}), ProblemError),
    ],
)
def test_any_other_failure_is_raised_at_once(outcome: httpx.Response | Exception, expected: type[Exception]) -> None:
    script = Scripted(outcome)
    with pytest.raises(expected):
        script.client().generate()
    assert (len(script.requests), script.pauses) == (1, [])


def test_the_wait_the_server_asks_for_is_waited(picture_answer: Answer, problem_answer: Answer) -> None:
    busy = [problem_answer("overloaded", 503, headers={"Retry-After": str(wait)}) for wait in (2, 5)]
    script = Scripted(*busy, picture_answer())
    script.client().generate()
    assert [2 <= script.pauses[0] < 2.5, 5 <= script.pauses[1] < 5.5] == [True, True]


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_after_the_last_retry_the_last_problem_is_raised(problem_answer: Answer, max_retries: int) -> None:
    busy = [problem_answer("overloaded", 503, headers={"Retry-After": str(wait)}) for wait in range(max_retries + 1)]
    script = Scripted(*busy)
    with pytest.raises(Overloaded) as caught:
        script.client(max_retries).generate()
    assert caught.value.retry_after == max_retries
    assert len(script.pauses) == max_retries


def test_after_the_last_retry_a_failed_connection_is_raised() -> None:
    script = Scripted(*[httpx.ConnectError("refused")] * 4)
    with pytest.raises(ConnectionFailed, match="http://test: refused"):
        script.client().models()
    assert script.pauses == sorted(script.pauses)


@pytest.mark.parametrize("answer", [httpx.Response(503), httpx.Response(200)])
def test_ready_asks_once(answer: httpx.Response) -> None:
    script = Scripted(answer)
    assert script.client().ready() is (answer.status_code == 200)
    assert script.pauses == []


def test_ready_raises_where_nobody_answers() -> None:
    script = Scripted(httpx.ConnectError("refused"))
    with pytest.raises(ConnectionFailed):
        script.client().ready()


def test_what_cannot_be_sent_is_refused_without_a_request() -> None:
    script = Scripted()
    with pytest.raises(InvalidArgument):
        script.client().interpolate(["a,b", "c"])
    assert script.requests == []


def test_an_unknown_model_says_which_there_are(service: Service) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        with pytest.raises(UnknownModel) as caught:
            figment.generate(model="nobody")
        assert caught.value.models == ("adventurer",)


def test_a_closed_client_asks_no_more(service: Service) -> None:
    with Figment("http://test", transport=httpx.MockTransport(service)) as figment:
        figment.ready()
    with pytest.raises(RuntimeError, match="closed"):
        figment.ready()
