"""The models in `models/`: whole, with their papers, and drawing images that differ."""

from pathlib import Path

import pytest
from PIL import Image

from bundle.store import Bundle, Store

ROOT = Path(__file__).parent.parent
STORE = Store(ROOT / "models")
SHIPPED = [(name, version) for name in STORE.names() for version in STORE.versions(name)]


@pytest.fixture(params=SHIPPED, ids=lambda shipped: f"{shipped[0]}-{shipped[1]}")
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return STORE.open(*request.param)


def test_the_avatars_are_shipped_and_nothing_is_skipped() -> None:
    served, skipped = STORE.scan()
    assert "adventurer" in [bundle.manifest.name for bundle in served]
    assert skipped == []


def test_a_model_carries_recipe_data_licence_and_measures(bundle: Bundle) -> None:
    manifest = bundle.manifest
    assert manifest.recipe
    assert manifest.settings
    assert manifest.data.license not in ("", "not stated")
    assert manifest.data.attribution not in ("", "not stated")
    assert manifest.measures
    assert all(measure.floor is not None for measure in manifest.measures.values())


def test_the_card_says_how_to_make_it_again_and_whom_to_name(bundle: Bundle) -> None:
    card = (bundle.path / "assets.extra/MODEL_CARD.md").read_text(encoding="utf-8")
    assert "python -m training fit --data" in card
    assert bundle.manifest.data.attribution in card


def test_the_samples_are_a_sheet_of_64_images(bundle: Bundle) -> None:
    image = bundle.manifest.image
    with Image.open(bundle.path / "assets.extra/samples.png") as sheet:
        assert sheet.size == (8 * image.width, 8 * image.height)
