import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pictures.colours import parse_colour


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("ffffff", (255, 255, 255, 255)),
        ("#ffffff", (255, 255, 255, 255)),
        ("FFFFFF80", (255, 255, 255, 128)),
        ("#01020304", (1, 2, 3, 4)),
        ("f00", (255, 0, 0, 255)),
        ("#f008", (255, 0, 0, 136)),
        ("white", (255, 255, 255, 255)),
        ("RebeccaPurple", (102, 51, 153, 255)),
        ("transparent", (0, 0, 0, 0)),
        ("Transparent", (0, 0, 0, 0)),
        (" black ", (0, 0, 0, 255)),
        ("rgb(1, 2, 3)", (1, 2, 3, 255)),
        ("rgba(1, 2, 3, 4)", (1, 2, 3, 4)),
        ("hsl(0, 100%, 50%)", (255, 0, 0, 255)),
    ],
)
def test_colours_are_read(text: str, colour: tuple[int, int, int, int]) -> None:
    assert parse_colour(text) == colour


@pytest.mark.parametrize(
    "text",
    [
        *("", "#", "no colour", "fffff", "ffffffff0", "#ggg", "x" * 1000, "rgb(1,2)"),
        *("rgb(256,0,0)", "hsl(0,900%,50%)", f"hsl(0,{'9' * 60}%,{'9' * 30}%)", f"rgb(0,0,{'9' * 80})"),
    ],
)
def test_what_is_no_colour_is_told_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no colour; allowed are ffffff, ffffff80 .* transparent"):
        parse_colour(text)


@given(
    st.text()
    | st.from_regex(r"(rgb|hsl|hsv|rgba)\(\d{1,60}%?,\s?\d{1,60}%?,\d{1,60}%?\)")
    | st.from_regex(r"#?[0-9a-f]{3,8}")
)
def test_any_text_is_a_colour_or_none(text: str) -> None:
    try:
        colour = parse_colour(text)
    except ValueError:
        return
    assert len(colour) == 4
    assert all(0 <= value <= 255 for value in colour)
