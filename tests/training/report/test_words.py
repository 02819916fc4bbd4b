import pytest

from training.report.words import count, duration, figure, label, rough, setting, short, tick_labels


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (42.3, "42 s"), (59.6, "1 min"), (61, "1 min 1 s"), (1129, "18 min"), (3600, "1 h"),
     (3905, "1 h 5 min"), (36_900, "10 h"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.793472, "0.793"), (0.0398, "0.0398"), (14.23, "14.2"), (1234.5, "1,234"), (-1.506, "−1.51"),
     (1.14e-6, "1.14e−6"), (-2.5e-7, "−2.5e−7"), (999_999.4, "999,999")],
)  # fmt: skip
def test_figures_have_three_places_that_count(number: float, text: str) -> None:
    assert figure(number) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (250_000, "250k"), (1.5e6, "1.5M"), (2e9, "2G"), (-0.5, "−0.5"), (0.0002, "0.0002"), (5e-5, "5e−5")],
)
def test_ticks_are_short(number: float, text: str) -> None:
    assert short(number) == text


def test_the_ticks_of_an_axis_are_written_alike() -> None:
    assert tick_labels([0, 5e-5, 1e-4]) == ["0", "5e−5", "1e−4"]
    assert tick_labels([0, 0.5, 1]) == ["0", "0.5", "1"]
    assert tick_labels([]) == []


def test_counts_are_grouped_and_rough_ones_rounded() -> None:
    assert (count(1_234_567), rough(20_928), rough(174_400)) == ("1,234,567", "20.9k", "174k")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("flip", True, "yes"), ("flip", False, "no"), ("decay_from", 0.5, "50 % of the run"), ("decay_from", 1.0, "never"),
     ("holdout", 0.05, "5 % of the images"), ("holdout", 0.0, "0 % of the images"),
     ("ema_half_life", 10_000, "10,000 images"), ("learning_rate", 2e-4, "0.0002"),
     ("loss", "wasserstein", "wasserstein"), ("labels", None, ""),
     ("class_names", (), ""), ("class_names", ("a", "b"), "a, b"), ("class_shares", (0.25, 0.75), "0.25, 0.75")],
)  # fmt: skip
def test_settings_are_said_with_their_units(name: str, value: object, text: str) -> None:
    assert setting(name, value) == text


def test_names_are_words() -> None:
    assert label("score_real") == "Score real"
    assert label("dead-discriminator") == "Dead discriminator"
    assert label("beta_1").startswith("β₁")
