"""The peers of the serving benchmark, as far as they go without their environments."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from bench.peers.common import ENCODERS, encoder, grid_of
from bench.peers.environments import LOCKS, PEERS, Peer
from service.pictures.grid import make_grid

COUNTS = (1, 3, 16)  # images: one, a grid with an empty cell, a full one

Encode = Callable[[npt.NDArray[np.uint8]], bytes]

peers = pytest.mark.parametrize("peer", PEERS.values(), ids=lambda peer: peer.name)


def images(n: int, channels: int = 3) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(n).integers(0, 256, (n, 8, 6, channels), np.uint8)


def pixels(png: bytes) -> npt.NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


@peers
def test_a_peer_has_a_server_that_says_what_was_chosen(peer: Peer) -> None:
    assert peer.server.read_text(encoding="utf-8").startswith('"""')
    assert peer.note


@peers
def test_a_peer_is_asked_for_images_and_a_seed(peer: Peer) -> None:
    assert peer.path.format(n=16, seed=7).endswith("?n=16&seed=7")


@peers
def test_a_peer_has_a_lock_with_hashes(peer: Peer) -> None:
    lock = peer.lock.read_text(encoding="utf-8")
    packages = lock.count("==")
    assert f"\n{peer.name}==" in lock
    assert "\ntensorflow-cpu==" in lock
    assert lock.count(" \\\n    --hash=sha256:") >= packages
    assert "://" not in lock


def test_every_lock_is_a_peers() -> None:
    assert {path.stem for path in LOCKS.glob("*.txt")} == set(PEERS)
    assert {path.stem for path in LOCKS.glob("*.in")} == set(PEERS)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("n", COUNTS)
def test_the_grid_is_the_services(n: int, channels: int) -> None:
    np.testing.assert_array_equal(grid_of(images(n, channels)), make_grid(images(n, channels)))


@pytest.mark.parametrize("n", COUNTS)
@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_an_encoder_keeps_the_pixels_of_the_grid(encode: Encode, n: int) -> None:
    np.testing.assert_array_equal(pixels(encode(images(n))), make_grid(images(n)))


def test_the_environment_names_the_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENCODER", raising=False)
    assert encoder() is ENCODERS["pillow"]
    monkeypatch.setenv("ENCODER", "figment")
    assert encoder() is ENCODERS["figment"]
