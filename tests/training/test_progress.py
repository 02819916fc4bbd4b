import io

import pytest
from rich.console import Console

from training import progress
from training.progress import DecodingDisplay, ProgressDisplay, duration, summary


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def console(terminal: bool = False) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, force_terminal=terminal, width=120, soft_wrap=True, no_color=True), out


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (0.4, "0 s"), (45, "45 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (5369, "89 min"),
        (5400, "1 h 30 min"), (7500, "2 h 05 min"), (360_000, "100 h 00 min"),
    ],
)  # fmt: skip
def test_a_duration_is_said_as_a_person_says_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seen", "total", "speed", "logs", "text"),
    [
        (6400, 50_000, 100.0, {"loss_d": 0.5, "loss_g": 1.25, "r1": 9.0},
         "6,400/50,000 images  100 images/s  loss_d 0.500  loss_g 1.250  7 min left"),
        (0, 100, 0.0, {}, "0/100 images  0 images/s    27777777 h 47 min left"),
        (164, 100, 10.0, {"loss_g": 1.0}, "164/100 images  10 images/s  loss_g 1.000  0 s left"),
    ],
)  # fmt: skip
def test_a_line_says_images_speed_losses_and_the_time_left(
    seen: int, total: int, speed: float, logs: dict[str, float], text: str
) -> None:
    assert summary(seen, total, speed, logs) == text


def test_the_estimate_is_said(clock: Clock) -> None:
    terminal, out = console()
    with ProgressDisplay(50_000, terminal) as display:
        display.estimate(100.0, 48_000)
    assert out.getvalue() == "measured 100 images/s; 48,000 images will take about 8 min\n"


@pytest.mark.parametrize(("total", "left"), [(50_000, 50_000), (50_000, 10_000), (50_000, 64), (100, 128)])
def test_the_speed_is_of_this_process_alone(clock: Clock, total: int, left: int) -> None:
    """What was made before a resume took no time now, and is no speed."""
    terminal, out = console()
    with ProgressDisplay(total, terminal) as display:
        display.estimate(10.0, left)
        clock.now += 40.0
        display.advance(max(0, total - left) + 400, {})
    assert "  10 images/s  " in out.getvalue().splitlines()[1]


def test_where_there_is_no_terminal_a_line_comes_now_and_then(clock: Clock) -> None:
    terminal, out = console()
    with ProgressDisplay(10_000, terminal) as display:
        display.estimate(100.0, 10_000)
        for _ in range(1000):
            clock.now += 0.1
            display.advance(64, {"loss_d": 1.0})
    assert len(out.getvalue().splitlines()) == 1 + 3  # in 100 seconds


def test_on_a_terminal_there_is_a_bar_with_the_losses() -> None:
    terminal, out = console(terminal=True)
    with ProgressDisplay(1000, terminal) as display:
        display.estimate(100.0, 1000)
        display.advance(500, {"loss_d": 0.125})
    assert "50.0%" in out.getvalue()
    assert "loss_d 0.125" in out.getvalue()


def test_a_note_is_printed_as_it_is() -> None:
    terminal, out = console()
    with ProgressDisplay(1000, terminal) as display:
        display.note("stopped: [red]a[/red] {x} :smile: " + "long " * 60)
    assert out.getvalue() == "stopped: [red]a[/red] {x} :smile: " + "long " * 60 + "\n"


def test_decoding_shows_how_far_it_is() -> None:
    terminal, out = console(terminal=True)
    with DecodingDisplay(terminal) as display:
        for done in range(1, 251):
            display(done, 250)
    assert "decoding images" in out.getvalue()
    assert "250/250" in out.getvalue()


def test_decoding_from_the_cache_shows_nothing() -> None:
    for is_terminal in (True, False):
        terminal, out = console(is_terminal)
        with DecodingDisplay(terminal):
            pass
        assert out.getvalue() == ""


def test_decoding_without_a_terminal_says_a_line_now_and_then(clock: Clock) -> None:
    terminal, out = console()
    with DecodingDisplay(terminal) as display:
        for done in range(1, 71):
            clock.now += 1.0
            display(done * 1000, 70_000)
    assert out.getvalue().splitlines() == ["decoding images: 31,000 of 70,000", "decoding images: 62,000 of 70,000"]


def test_an_interruption_ends_the_bar() -> None:
    terminal, _ = console(terminal=True)
    display = DecodingDisplay(terminal)
    display(1, 10)
    with pytest.raises(KeyboardInterrupt), display:
        raise KeyboardInterrupt
    assert display._progress.live.is_started is False
