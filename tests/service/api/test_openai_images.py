import numpy as np
import pytest

from bundle.manifest import ImageShape
from bundle.seeds import parse_seed
from service.api.openai_images import (
    ImageRequest,
    check_request,
    is_transparent,
    model_asked,
    prepared,
    seed_of,
)
from service.api.problems import InvalidParameters


def request_of(**more: object) -> ImageRequest:
    return ImageRequest.model_validate({"prompt": "a cat", **more})


def shape_of(height: int = 64, width: int = 64, channels: int = 3) -> ImageShape:
    return ImageShape.model_validate({"height": height, "width": width, "channels": channels})


@pytest.mark.parametrize("prompt", ["a cat", "7", "4294967295", "1.5", "kočka", "🎨", "a\nb", "x" * 200])
def test_a_prompt_is_the_seed_that_its_text_is_everywhere(prompt: str) -> None:
    assert seed_of(prompt) == parse_seed(prompt)


def test_a_long_prompt_counts_to_its_end() -> None:
    prompts = ["x" * 201, "x" * 202, "x" * 200 + "y", "x" * 32_000]
    assert len({seed_of(prompt) for prompt in prompts}) == 4
    assert seed_of(prompts[0]) == seed_of(prompts[0])


@pytest.mark.parametrize("prompt", ["-1", "4294967296", "9" * 100])
def test_a_number_that_is_no_seed_is_refused(prompt: str) -> None:
    with pytest.raises(InvalidParameters, match="prompt: a seed is"):
        seed_of(prompt)


@pytest.mark.parametrize(
    ("model", "asked"), [(None, (None, None)), ("", (None, None)), ("tiny", ("tiny", None)), ("tiny/12", ("tiny", 12))]
)
def test_a_model_may_be_named_with_its_version(model: str | None, asked: tuple[str | None, int | None]) -> None:
    assert model_asked(model) == asked


@pytest.mark.parametrize("model", ["tiny/", "tiny/0", "tiny/x", "tiny/1/2", "tiny/9999999999", "a/b"])
def test_another_slash_in_a_models_name_is_refused(model: str) -> None:
    with pytest.raises(InvalidParameters, match="NAME/VERSION"):
        model_asked(model)


@pytest.mark.parametrize(
    ("size", "scale"), [(None, 1), ("auto", 1), ("48x64", 1), ("96x128", 2), ("480x640", 10), ("768x1024", 16)]
)
def test_a_size_is_the_models_or_a_multiple_of_it(size: str | None, scale: int) -> None:
    assert check_request(request_of(size=size), shape_of(64, 48)) == scale


@pytest.mark.parametrize(
    "size", ["64x48", "96x64", "47x64", "0x0", "-48x-64", "48X64", "48x64 ", "", "large", "48.0x64"]
)
def test_another_size_is_refused_with_the_models(size: str) -> None:
    with pytest.raises(InvalidParameters, match="48x64 or a whole multiple"):
        check_request(request_of(size=size), shape_of(64, 48))


def test_enlarged_images_have_a_limit_and_the_models_own_size_has_none() -> None:
    assert check_request(request_of(size="1024x1024", n=16), shape_of()) == 16
    with pytest.raises(InvalidParameters, match="16777216 pixels"):
        check_request(request_of(size="1024x1024", n=17), shape_of())
    assert check_request(request_of(size="2048x2048", n=64), shape_of(2048, 2048)) == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"size": "576x576", "response_format": "url"}, "size: an address"),
        ({"background": "transparent"}, "background: "),
    ],
)
def test_what_cannot_be_had_is_refused(more: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidParameters, match=message):
        check_request(request_of(**more), shape_of())


@pytest.mark.parametrize(
    ("channels", "more", "kept"),
    [
        (4, {}, True),
        (4, {"output_format": "webp"}, True),
        (4, {"output_format": "jpeg"}, False),
        (4, {"background": "opaque"}, False),
        (3, {}, False),
        (1, {}, False),
    ],
)
def test_transparency_is_kept_where_it_can_be(channels: int, more: dict[str, object], kept: bool) -> None:
    assert is_transparent(request_of(**more), shape_of(channels=channels)) is kept


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("scale", [1, 2, 3])
def test_images_are_enlarged_by_the_nearest_pixel(seed: int, scale: int) -> None:
    images = np.random.RandomState(seed).randint(0, 256, (2, 3, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(prepared(images, scale, False), np.kron(images, np.ones((1, scale, scale, 1), int)))


def test_transparency_that_is_not_kept_is_white() -> None:
    images = np.array([[[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 51]]]], np.uint8)
    assert prepared(images, 1, False).tolist() == [[[[255, 255, 255], [10, 20, 30], [204, 204, 204]]]]
    np.testing.assert_array_equal(prepared(images, 1, True), images)


@pytest.mark.parametrize(("asked", "quality"), [(None, 90), (0, 1), (1, 1), (100, 100)])
def test_a_compression_is_a_quality(asked: int | None, quality: int) -> None:
    assert request_of(output_compression=asked).quality_asked == quality
